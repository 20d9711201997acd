"""The text of a declarative file → plain data. Whoever wrote it may be hostile.

JSON, and of YAML what configuration files need: mappings, lists, plain scalars, anchors with aliases, ``<<``. Refused,
each with its line: tags (``!!python/…`` and all others), a key twice in one mapping, keys that are no text, more than
one document, infinite numbers, half surrogates, and whatever grows beyond the limits below. Scalars are what YAML 1.1
says, as for deck and Kong (``on`` is a boolean), but for dates and base-60 numbers: ``10:30`` and ``2001-01-01`` are
text, as they are to deck.

Built from the parser's events rather than by its constructors: an alias then has a known weight before anybody follows
it, and depth is counted before Python's stack does it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from proxy_engine.spec.schema import Path

MOST_DEPTH = 64  # Kong's deepest entity, nested three times, needs 14
MOST_SCALAR = 4 * 1024 * 1024  # characters; the largest sensible value is a certificate bundle
MOST_ALIASED_NODES = 1_000_000  # of all aliases together, each counted with everything below it

_Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BOOLEANS = dict.fromkeys(("true", "yes", "on"), True) | dict.fromkeys(("false", "no", "off"), False)
_NULLS = ("", "~", "null", "Null", "NULL")
_INTEGER = re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]{0,400})\Z")
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*|[0-9][0-9_]*(?=[eE]))(?:[eE][-+]?[0-9]+)?\Z")
READ_AS_NUMBER = re.compile(f"(?:{_INTEGER.pattern}|{_FLOAT.pattern})")
READ_AS_SWITCH = re.compile(r"(?i:y|n|yes|no|on|off|true|false)\Z")  # go-yaml takes y and n as well
_HALF = re.compile("[\ud800-\udfff]")
_INFINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")


class BadText(ValueError):
    """``line`` counts from 1; None where the text ends or nobody knows."""

    def __init__(self, message: str, line: int | None = None) -> None:
        self.message, self.line = message, line
        super().__init__(f"line {line}: {message}" if line else message)


def parse(text: bytes | str) -> Any:
    """Raises BadText, and nothing else."""
    text = _decoded(text)
    if text.lstrip()[:1] in ("{", "["):
        try:
            return _json(text)
        except json.JSONDecodeError:
            pass  # YAML's own braces
    try:
        return _Builder(yaml.parse(text, _Parser)).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadText(f"no YAML: {error.problem or error.context}", mark.line + 1 if mark else None) from None
    except yaml.reader.ReaderError as error:
        raise BadText(f"no YAML: {error.reason}", text.count("\n", 0, error.position) + 1) from None
    except RecursionError:
        raise BadText(f"nested deeper than {MOST_DEPTH} levels") from None


def _decoded(text: bytes | str) -> str:
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadText("not UTF-8", text.count(b"\n", 0, error.start) + 1) from None
    elif (half := _HALF.search(text)) is not None:
        raise BadText("half of a surrogate pair", text.count("\n", 0, half.start()) + 1)
    if "\x00" in text:
        raise BadText("must not contain NUL", text.count("\n", 0, text.index("\x00")) + 1)
    return text


# -- JSON -------------------------------------------------------------------------------------------------------------


def _json(text: str) -> Any:
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_finite)
    except RecursionError:
        raise BadText(f"nested deeper than {MOST_DEPTH} levels") from None
    except json.JSONDecodeError:
        raise
    except BadText:
        raise
    except ValueError:
        raise BadText("a number is too long") from None  # Python converts no integers of thousands of digits
    _check_depth(document)
    if "\\u" in text:
        _refuse_half_surrogates(document)
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))
        raise BadText(f"{twice!r} stands twice in one object")
    return members


def _constant(name: str) -> Any:
    raise BadText(f"{name} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise BadText(f"the number {text[:40]} is too large")
    return number


def _check_depth(document: Any) -> None:
    level, depth = [document], 0
    while level:
        depth += 1
        if depth > MOST_DEPTH:
            raise BadText(f"nested deeper than {MOST_DEPTH} levels")
        level = [child for node in level for child in _members(node) if isinstance(child, (dict, list))]


def _members(node: Any) -> Iterable[Any]:
    return node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()


def _refuse_half_surrogates(document: Any) -> None:
    try:
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise BadText("half of a surrogate pair") from None


# -- YAML -------------------------------------------------------------------------------------------------------------


class _Builder:
    """One pass over the events. ``weights``: how many nodes stand behind each anchor, all aliases followed."""

    def __init__(self, events: Iterable[yaml.Event]) -> None:
        self._next = iter(events).__next__
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._aliased = 0

    def document(self) -> Any:
        self._next()  # the stream starts
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None
        document, _ = self._node(self._next(), 1)
        self._next()  # the document ends
        if not isinstance(event := self._next(), yaml.StreamEndEvent):
            raise BadText("expected one document, found another", _line(event))
        return document

    def _node(self, event: yaml.Event, depth: int) -> tuple[Any, int]:
        """The value, and how many nodes it has."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.tag is not None and event.tag != "!":  # "!" is what the parser calls quoted text
            raise BadText(f"tags are not taken: {event.tag[:80]!r}", _line(event))
        if depth > MOST_DEPTH:
            raise BadText(f"nested deeper than {MOST_DEPTH} levels", _line(event))
        if isinstance(event, yaml.ScalarEvent):
            value, weight = _scalar(event), 1
        elif isinstance(event, yaml.SequenceStartEvent):
            value, weight = self._sequence(depth)
        else:
            value, weight = self._mapping(depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = value, weight
        return value, weight

    def _alias(self, event: yaml.AliasEvent) -> tuple[Any, int]:
        if event.anchor not in self._anchors:  # or it stands inside the very thing it names
            raise BadText(f"the alias *{event.anchor[:80]} has no anchor before it", _line(event))
        value, weight = self._anchors[event.anchor]
        self._aliased += weight
        if self._aliased > MOST_ALIASED_NODES:
            raise BadText("the aliases make it grow too large", _line(event))
        return value, weight

    def _sequence(self, depth: int) -> tuple[list, int]:
        items, weight = [], 1
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            item, more = self._node(event, depth + 1)
            items.append(item)
            weight += more
        return items, weight

    def _mapping(self, depth: int) -> tuple[dict, int]:
        members: dict[str, Any] = {}
        merged: list[Mapping] = []
        weight = 1
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = _key(event)
            value, more = self._node(self._next(), depth + 1)
            weight += 1 + more
            if key == "<<" and event.implicit[0]:
                merged += _mergeable(value, event)
            elif key in members:
                raise BadText(f"{key[:80]!r} stands twice in one mapping", _line(event))
            else:
                members[key] = value
        for other in merged:
            members = {**other, **members}
        return members, weight


def _key(event: yaml.Event) -> str:
    if not isinstance(event, yaml.ScalarEvent) or event.anchor or (event.tag not in (None, "!")):
        raise BadText("a key must be plain text", _line(event))
    return event.value


def _mergeable(value: Any, event: yaml.Event) -> list[Mapping]:
    mappings = value if isinstance(value, list) else [value]
    if not all(isinstance(mapping, dict) for mapping in mappings):
        raise BadText("<< takes a mapping, or a list of them", _line(event))
    return mappings


def _scalar(event: yaml.ScalarEvent) -> Any:
    text = event.value
    if len(text) > MOST_SCALAR:
        raise BadText(f"a text longer than {MOST_SCALAR} characters", _line(event))
    if not event.implicit[0]:  # quoted, or a block: text as it stands
        return text
    if text in _NULLS:
        return None
    if text[:1] in "tTyYoOfFnN" and (is_on := _BOOLEANS.get(text.lower())) is not None and _is_one_case(text):
        return is_on
    return _number(text, event) if text[:1] in "+-.0123456789" else text


def _is_one_case(text: str) -> bool:
    return text in (text.lower(), text.upper(), text.capitalize())


def _number(text: str, event: yaml.ScalarEvent) -> Any:
    if _INFINITE.match(text):
        raise BadText(f"{text} is no number that could be stored", _line(event))
    if _INTEGER.match(text):
        return _integer(text.replace("_", ""), event)
    if _FLOAT.match(text):
        number = float(text.replace("_", ""))
        if not math.isfinite(number):
            raise BadText(f"the number {text[:40]} is too large", _line(event))
        return number
    return text


def _integer(text: str, event: yaml.ScalarEvent) -> int:
    sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text.lstrip("+"))
    is_old_octal = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
    try:
        return sign * int(f"0o{digits[1:]}" if is_old_octal else digits, 0)
    except ValueError:
        raise BadText(f"{text[:40]} is no number", _line(event)) from None


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1


# -- places -----------------------------------------------------------------------------------------------------------


def lines_of(text: bytes | str, paths: Iterable[Path]) -> dict[Path, int]:
    """Where things stand, for messages; a second reading, because good files need none. ``text`` has been parsed."""
    try:
        root = yaml.compose(_decoded(text), _Parser)
    except (yaml.YAMLError, RecursionError, BadText):
        return {}
    return {path: _line_of(root, path) for path in paths} if root is not None else {}


def _line_of(node: yaml.Node, path: Path) -> int:
    """Of the last step of the path that is there."""
    line = node.start_mark.line + 1
    for step in path:
        found = _step(node, step)
        if found is None:
            break
        line, node = found
    return line


def _step(node: yaml.Node, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line + 1, node.value[step]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key.start_mark.line + 1, value
    return None
