"""The name of a request: 32 lower-case hexadecimal digits, as Kong's.

The same name goes to the target, to the client, into error bodies and into the access log, so it is made once per
request and in the form that is needed most: the last line of a head, with the empty line behind it.

Sixteen digits are random and fixed for the process, the other sixteen count up from a random beginning: unique across
workers and nodes like a random one, at a third of the cost. It names a request; it is no secret.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

NAME = b"X-Kong-Request-Id"
ID_AT = slice(len(NAME) + 2, len(NAME) + 34)  # in a line of ``id_lines``


def id_lines() -> Iterator[bytes]:
    """Without end, each different: ``X-Kong-Request-Id: 0123…`` with its CRLF and the empty line that ends a head."""
    line = b"%b: %b%%016x\r\n\r\n" % (NAME, os.urandom(8).hex().encode())
    beginning = int.from_bytes(os.urandom(7), "big")
    return map(line.__mod__, itertools.count(beginning))


def id_in(line: bytes) -> bytes:
    return line[ID_AT]
