"""Requests that go the way of the one before: what does not change is known, what changes is checked as bytes.

A client's requests resemble each other. A ``RequestBlock`` knows what their heads have in common; a ``Course`` knows
what becomes of them: as long as method, form and stretch of paths are the same, so are route, plan and what the target
is told, but for a few pieces. Such a request is neither parsed, matched nor rewritten, and nothing is made anew but its
pieces:

    GET /orders/17?all=1 HTTP/1.1 ␍␊ Host: … ␍␊ X-Trace: 7f3a ␍␊ Cookie: … ␍␊ ␍␊  and a body as long as the last one
    ─── ──────────────── ──────────────────────────────── ──── ────────────────────
    equal   plain, on    equal bytes                    checked by   equal bytes
            the stretch                                 the block

Whatever does not fit, ill-formed or only unusual, is left to ``read_head`` and ``prepare``, which know all the rules. A
course holds under the runtime it was made in, and under no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy_engine.proxy.forward import forwarding_lines, path_lines
from proxy_engine.proxy.prepare import MOST_KNOWN, Forward, host_line, stripped_prefix
from proxy_engine.routing import joint, read_target
from proxy_engine.routing.paths import PATH_MARKS, QUERY_MARKS

if TYPE_CHECKING:
    from proxy_engine.http.request_block import RequestBlock
    from proxy_engine.proxy.forward import Peer
    from proxy_engine.runtime import Runtime, TargetLink

_VERSION = b" HTTP/1.1"
_QUERY, _FRAGMENT = b"?#"


class Course(Forward):
    """Of a request and those like it, of which it is always the last one: they come one after the other, so that the
    head and all else can be used again."""

    __slots__ = (
        "before",
        "behind",
        "body_bytes",
        "cut",
        "end",
        "from_path",
        "line_begin",
        "most_head",
        "most_line",
        "raw_path",
        "starts",
        "target_at",
        "to_path",
    )

    def __init__(self, forward: Forward, peer: Peer) -> None:
        self.runtime, self.plan, self.match = forward.runtime, forward.plan, forward.match
        self.head = head = forward.head
        self.path = self.raw_path = b""
        self.key = self.logged = self.known = None
        self.fields = ()
        self.shown = b""
        block = head.block
        self.body_bytes = block.body_bytes
        self.most_head = block.limits.head_bytes
        self.most_line = 0  # no request goes this way
        self.line_begin = head.method + b" /"
        self.target_at = len(head.method) + 1
        self.before, self.cut = joint(forward.match, forward.plan.base_path)
        self.starts: dict[TargetLink, tuple[bytes, bytes]] = {}
        stretch = self._stretch()
        if stretch is not None and _is_usual(block) and not head.is_http10 and head.host is block.host:
            self.from_path, self.to_path = stretch
            self._take_lines(peer)
            self.most_line = block.limits.request_line_bytes

    def _stretch(self) -> tuple[bytes, bytes] | None:
        """The paths that lead to the same route; None where it is not the path alone that does."""
        if self.plan.hash_input is not None or "http" not in self.match.route.protocols:
            return None
        head = self.head
        return self.runtime.table.stretch(head.method, head.host, read_target(head.target)[0])

    def _take_lines(self, peer: Peer) -> None:
        block = self.head.block
        name, line_end, prefix_line = path_lines(peer, block, b"", stripped_prefix(self.match)).partition(b"\r\n")
        self.behind = block.forward_after + forwarding_lines(peer, self.head) + name
        self.end = line_end + prefix_line

    def takes(self, data: bytes, runtime: Runtime) -> int:
        """Where the head in ``data`` ends, if that is a request that goes this way, whole and alone: then it is what
        this forward is of. Else 0, and nothing has changed."""
        line_end = data.find(b"\r\n")
        end = len(data) - self.body_bytes
        if not (0 < line_end <= self.most_line and end <= self.most_head and runtime is self.runtime):
            return 0
        if not (data.startswith(self.line_begin) and data.endswith(_VERSION, 0, line_end)):
            return 0
        head = self.head
        middle = head.block.middle_of(data, line_end, end)
        path = target = data[self.target_at : line_end - 9]
        marks = target.translate(PATH_MARKS)
        query_at = marks.find(0)  # it, or whatever else is not plain
        if query_at >= 0:
            path = target[:query_at]
            if target[query_at] != _QUERY or _has_odd_query(target, query_at):
                return 0
        if middle is None or not self.from_path <= path < self.to_path or marks.find(b"//", 0, len(path)) >= 0:
            return 0
        cut = self.cut
        if not path.startswith(b"/", cut) or len(path) == 1:
            return 0
        head.target = target
        head.middle = middle
        self.raw_path = path
        self.path = self.before + target[cut:]
        self.shown = target if query_at < 0 else b""  # plain bytes need no escaping anywhere
        self.known = None
        if head.block.logged is None:  # what the log tells may be in the middle
            self.logged = None
        return end

    def _join(self, link: TargetLink, id_line: bytes) -> bytes:
        start, lines = self.starts.get(link) or self._start(link)
        middle = self.head.middle
        return b"".join((start, self.path, lines, middle, self.behind, self.raw_path, self.end, id_line))

    def _start(self, link: TargetLink) -> tuple[bytes, bytes]:
        """What stands before the path and before the middle."""
        head = self.head
        lines = b"".join((_VERSION, b"\r\n", host_line(self, link), head.block.forward_before))
        start = (b"%b %b" % (head.method, link.prefix), lines)
        if len(self.starts) < MOST_KNOWN:
            self.starts[link] = start
        return start


def _is_usual(block: RequestBlock) -> bool:
    """Nothing in it asks for more than to be passed on."""
    is_more = block.close or block.chunked or block.expects or block.upgrade is not None
    return not is_more and not block.forwarded


def _has_odd_query(target: bytes, at: int) -> bool:
    """What may not be in a target, nor therefore in a query: controls, spaces, ``#``."""
    return target.translate(QUERY_MARKS).find(1, at) >= 0 or _FRAGMENT in target
