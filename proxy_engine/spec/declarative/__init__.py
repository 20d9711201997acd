"""Kong's declarative format (``kong.yaml``, ``_format_version`` 1.1, 2.1 and 3.0) ⇄ entities.

What Kong and deck agree on is read, and where they differ both ways are; written is what deck writes::

    _format_version: "3.0"                    # a string; 1.1 and 2.1 spell regular expressions without "~"
    _info: {select_tags: [team-a], defaults: {service: {retries: 2}}}
    _plugin_configs: {shared: {minute: 5}}
    services:
    - name: orders
      url: http://orders.local:9000/api       # protocol, host, port and path in one; single fields win over it
      routes:
      - name: orders-v1
        paths: [/orders]
        plugins: [{name: rate-limiting, _config: shared}]     # what stands inside belongs to it, at any depth
    routes:
    - {name: other, service: {name: orders}, paths: [/other]}       # or service: orders, or an id
    upstreams:
    - name: orders.local
      targets: [{target: "10.0.0.1:9000"}]

Bad: ``_format_version: 3.0`` (a number), unknown keys at any level but ``_comment`` and ``_ignore``, two entities with
one name, references to nothing. Kinds that this version does not know are refused, never skipped: a file whose policies
were left out would open what they close.

Pure: text or a parsed document in, entities and problems out. The same file gives the same ids each time.
"""

from .head import tag_problem
from .hidden import HIDDEN, hide
from .kinds import Key, in_order, names, natural_keys, references
from .reading import Declared, Known, place_of, read
from .text import BadText, lines_of, parse
from .writing import Choice, to_yaml, write

__all__ = [
    "HIDDEN",
    "BadText",
    "Choice",
    "Declared",
    "Key",
    "Known",
    "hide",
    "in_order",
    "lines_of",
    "names",
    "natural_keys",
    "parse",
    "place_of",
    "read",
    "references",
    "tag_problem",
    "to_yaml",
    "write",
]
