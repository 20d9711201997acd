"""Header lines: checked once when first seen, remembered with what to do about them.

Most lines of a client's requests are equal from one request to the next (``Accept``, ``User-Agent`` …). A line is
therefore validated and classified when it is learnt and found again by its bytes: the check costs nothing on the
following requests, and no unchecked line ever passes. The memory is bounded; when full it is emptied and learns anew.

A line is ``field-name ":" OWS field-value OWS`` (RFC 9112 §5). Refused: space before the colon, folded lines, CR, LF,
NUL and other controls inside (RFC 9110 §5.5), an empty or non-token name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from proxy_engine.errors import BadMessage

MAX_LINE = 8192  # bytes of one field line, unless the table is made for others; nginx: 8 KiB
MAX_REMEMBERED = 4096  # lines kept per table
MAX_LINES_OF_A_NAME = 64  # a field that differs on every request (an id, a token) is not worth remembering
MAX_REMEMBERED_LINE = 512  # bytes; longer ones (cookies, tokens) are checked each time
MAX_REMEMBERED_NAME = 128  # bytes; Cross-Origin-Embedder-Policy-Report-Only has 40

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FOLD = bytes.maketrans(b"!#$%&'*+.^_`|~", b"-" * 14)
NO_VALUE_BYTE = bytes((value < 0x20 and value != 0x09) or value == 0x7F for value in range(256))


Handler = Callable[[Any, bytes, list[bytes]], None]
"""Takes the head's block, a field's value, and the list of nominated names."""


class Line(NamedTuple):
    """A line that the head's rules look at. ``name`` is lower-case; plain lines are copied and need no object."""

    name: bytes
    value: bytes


class Name:
    """What is known of a field name, as it was written."""

    __slots__ = ("is_special", "lower", "remembered")

    def __init__(self, lower: bytes, is_special: bool) -> None:
        self.lower = lower
        self.is_special = is_special
        self.remembered = 0  # lines


class LineTable:
    """Sorts the lines of heads into plain and special ones, and learns.

    ``special``: names that need handling. Their spellings with other marks than ``-`` are special too, since CGI-like
    servers fold ``X_Forwarded_For`` and ``X-Forwarded-For`` into one variable (Traefik before 3.6.14, oauth2-proxy),
    and some of them ``X.Forwarded.For`` as well.
    """

    __slots__ = ("_names", "_plain", "_special", "max_line", "special")

    def __init__(self, special: frozenset[bytes], max_line: int = MAX_LINE) -> None:
        self.special = special
        self.max_line = max_line
        self._plain: set[bytes] = set()
        self._special: dict[bytes, Line] = {}
        self._names: dict[bytes, Name] = {}

    def __len__(self) -> int:
        return len(self._plain) + len(self._special)

    def sort(self, lines: list[bytes]) -> tuple[list[bytes], list[Line]]:
        """The plain lines as they are, and the special ones read; each in their order.

        Raises BadMessage (400, or 431 for a line that is too long).
        """
        plain, known = self._plain, self._special
        copied: list[bytes] = []
        special: list[Line] = []
        for text in lines:
            if text in plain or (line := known.get(text) or self._learn(text)) is None:
                copied.append(text)
            else:
                special.append(line)
        return copied, special

    def classify(self, lines: list[bytes], block: Any, handlers: Mapping[bytes, Handler]) -> list[bytes]:
        """Hand the special lines to their handlers; the lines to pass on come back.

        Special names without a handler end here, and so do the fields that a ``Connection`` field nominated
        (RFC 9110 §7.6.1): handlers append those, lower-case. Raises BadMessage.
        """
        copied, special = self.sort(lines)
        nominated: list[bytes] = []
        for name, value in special:
            handle = handlers.get(name)
            if handle is not None:
                handle(block, value, nominated)
        if nominated:
            gone = frozenset(nominated)
            copied = [text for text in copied if self.read(text).name not in gone]
        return copied

    def are_plain(self, text: bytes, at_most: int) -> bool:
        """Whether these are well-formed lines, joined by CRLF, under known names, that no rule looks at.

        Learns nothing. False for more than ``at_most`` lines.
        """
        if self._is_plain(text):  # one line, as usual: the value of one has no CRLF in it
            return True
        lines = text.split(b"\r\n")
        return len(lines) <= at_most and all(line in self._plain or self._is_plain(line) for line in lines)

    def _is_plain(self, text: bytes) -> bool:
        name, colon, value = text.partition(b":")
        known = self._names.get(name)
        return (
            known is not None
            and not known.is_special
            and colon != b""
            and is_value(value)
            and len(text) <= self.max_line
        )

    def read(self, text: bytes) -> Line:
        """Any line, read. Raises BadMessage."""
        name, value = self._split(text)
        return Line(name.lower, value.strip(b" \t"))

    def _split(self, text: bytes) -> tuple[Name, bytes]:
        if len(text) > self.max_line:
            raise BadMessage(431, "a header field is too long")
        name, colon, value = text.partition(b":")
        if not colon:
            raise BadMessage(400, "a header line without a colon")
        if not is_value(value):
            raise BadMessage(400, "control character in a header field")
        return self._names.get(name) or self._learn_name(name), value

    def _learn(self, text: bytes) -> Line | None:
        """Check a line; None when it is a plain one."""
        name, value = self._split(text)
        line = Line(name.lower, value.strip(b" \t")) if name.is_special else None
        if name.remembered < MAX_LINES_OF_A_NAME and len(text) <= MAX_REMEMBERED_LINE:
            if len(self) >= MAX_REMEMBERED:
                self._forget_all()
            name.remembered += 1
            if line is None:
                self._plain.add(text)
            else:
                self._special[text] = line
        return line

    def _learn_name(self, name: bytes) -> Name:
        if not _TOKEN.fullmatch(name):
            raise BadMessage(400, "malformed header field name")
        lower = name.lower()
        known = Name(lower, lower.translate(_FOLD) in self.special)
        if len(name) <= MAX_REMEMBERED_NAME:
            if len(self._names) >= MAX_REMEMBERED:
                self._forget_all()
            self._names[name] = known
        return known

    def _forget_all(self) -> None:
        # New tables, not emptied ones: a ``sort`` that is under way goes on with the old, or it would lose lines.
        self._plain, self._special, self._names = set(), {}, {}


def is_value(text: bytes) -> bool:
    """Whether it may stand behind a field's colon: no control character but tab (RFC 9110 §5.5), so no line end."""
    return text.translate(NO_VALUE_BYTE).find(1) < 0


def tokens(value: bytes) -> list[bytes]:
    """The members of a comma-separated list, lower-case, without empty ones (RFC 9110 §5.6.1)."""
    return [member for part in value.lower().split(b",") if (member := part.strip(b" \t"))]


def folded(name: bytes) -> bytes:
    """A field name as servers see it that know no other mark than ``-`` and no case."""
    return name.lower().translate(_FOLD)
