"""The access log: one line per request, whatever became of it.

Where an exchange ends, one call notes its facts. Lines are made of them by the dozen: between two requests the same
code finds the processor's caches cold and costs three times as much, and hundreds at once would keep requests waiting.
Hundreds of them, or those there are at a sweep, go to the writer's thread. No ``logging``, no JSON encoder, no clock
but the one the exchange has read anyway, and hardly a number is formatted: a line is joined of pieces that lines before
it had in common with it.

Formats, each a class here:

- ``json``: an object per line. ``time`` (UTC, of the end), ``request_id``, ``client`` (as X-Real-IP tells it to the
  target), ``method``, ``host``, ``path`` (as sent, with the query), ``user_agent``, ``route``, ``service``,
  ``upstream``, ``status`` (499: the client left before there was one), ``bytes`` (of the body sent to the client),
  ``duration_ms`` (from the whole head to the end of the response), ``target_ms`` (to the head of the target's
  response; both to a tenth), ``target``, ``request_bytes`` (of the body received), ``tries``, ``outcome``, ``reason``.
  What is not known is null. Outcomes: ``complete``; ``cut``, the response broke off; ``client left``; ``own answer``,
  the reason being its message; ``tunnel``, a WebSocket that ended.
- ``combined``: as Apache and nginx write it, for the tools that read it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from . import log_pieces as pieces
from .escape import in_json, in_quotes
from .log_file import LogFile, StandardOutput
from .log_writer import LogWriter
from .request_id import ID_AT

if TYPE_CHECKING:
    from proxy_engine.http.request import RequestHead
    from proxy_engine.proxy.account import Account
    from proxy_engine.proxy.forward import Peer
    from proxy_engine.proxy.prepare import Forward
    from proxy_engine.runtime import Runtime, ServicePlan
    from proxy_engine.settings import AccessLogSettings
    from proxy_engine.spec import Route

MOST_LINES = 500  # that wait for a sweep; more are handed over at once
MOST_AT_ONCE = 64  # lines that are made in one go, at 0.5 µs or so each

_FACTS = 11  # of one response that went through
_MOST_FACTS = MOST_AT_ONCE * _FACTS

_UNREAD = b'","client":"%b","method":null,"host":null,"path":null,"user_agent":null,'
_NOWHERE = b'"route":null,"service":null,"upstream":null,'

CUT, CLIENT_LEFT, OWN_ANSWER, TUNNEL = b"cut", b"client left", b"own answer", b"tunnel"


class Entry(NamedTuple):
    """The facts of one request, for the outcomes that are not the usual one."""

    peer: Peer
    head: RequestHead | None  # None: it was not understood
    forward: Forward | None  # None: it went nowhere
    request_id: bytes
    status: int
    sent_bytes: int
    received_bytes: int
    duration_ms: float
    target_ms: float | None
    target: bytes
    tries: int
    outcome: bytes
    reason: str


class AccessLog:
    """What the formats share. ``complete`` is on the hot path, all else is not."""

    def __init__(self, writer: LogWriter, *, with_query: bool) -> None:
        self.writer = writer
        self.with_query = with_query
        self._facts: list[
            Any
        ] = []  # of responses that went through, ``_FACTS`` each: no tuple for the collector to visit
        self._lines: list[bytes] = []  # what was made of earlier ones; lines, or pieces of them
        self._count = 0  # of lines that these are
        self._offset_s = 0.0  # from the monotonic clock to the time of day
        self._now_until = 0.0  # monotonic: until then, ``_now`` is the time
        self._now = b""
        self._second = -1
        self._second_text = ""
        self._look_at_the_clock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} waiting={self.waiting} {self.writer}>"

    @property
    def waiting(self) -> int:
        """Lines, made or not."""
        return self._count + len(self._facts) // _FACTS

    def flush(self) -> None:
        self._make_lines()
        if self._lines:
            self.writer.put(b"".join(self._lines), self._count)
            self._lines, self._count = [], 0
        self._look_at_the_clock()

    def close(self) -> None:
        self.flush()
        self.writer.close()

    def complete(self, account: Account, ended_at: float) -> None:
        """A response of a target went through."""
        forward = account.forward
        facts = self._facts
        facts += (
            ended_at,
            account.started_at,
            account.answered_at,
            account.id_line,
            forward.logged or self._remember(forward, account.client.peer),
            forward.shown or self._show(forward),
            account.status,
            account.sent_bytes,
            account.upstream.pool.label,
            account.received_bytes,
            account.tried,
        )
        if len(facts) >= _MOST_FACTS:
            self._make_lines()
            if self._count >= MOST_LINES:
                self.flush()

    def other(self, entry: Entry, ended_at: float) -> None:
        """Anything else."""
        self._make_lines()
        self._lines.append(self._line(entry, ended_at))
        self._count += 1
        if self._count >= MOST_LINES:
            self.flush()

    def _remember(self, forward: Forward, peer: Peer) -> Any:
        """What a line tells of the request but for its target; kept, also for later ones of its form, if it can be."""
        forward.logged = form = self._form(peer, forward)
        block = forward.head.block
        if form is not block.logged and pieces.is_kept(block, *self.LOOKED_AT):
            block.logged = form
        return form

    def _show(self, forward: Forward) -> bytes:
        """The target as a line has it."""
        forward.shown = shown = self._escape(self._path(forward.head.target))
        return shown

    def _form(self, peer: Peer, forward: Forward) -> Any:
        raise NotImplementedError

    def _make_lines(self) -> None:
        """Of all facts that wait."""
        raise NotImplementedError

    def _line(self, entry: Entry, ended_at: float) -> bytes:
        raise NotImplementedError

    def _taken(self) -> Iterator[tuple]:
        facts, self._facts = self._facts, []
        self._count += len(facts) // _FACTS
        each = iter(facts)
        return zip(*[each] * _FACTS, strict=True)

    # -- what several lines have in common ----------------------------------------

    def _look_at_the_clock(self) -> None:
        """The time of day may be set while we run: durations must not see that, log times must."""
        self._offset_s = time.time() - time.monotonic()
        self._now_until = 0.0

    def _tick(self, ended_at: float) -> None:
        second, millisecond = divmod(int((ended_at + self._offset_s) * 1000), 1000)
        if second != self._second:
            self._second = second
            self._second_text = time.strftime(self.TIME_FORMAT, time.gmtime(second))
        self._now = self._time_text(millisecond)
        self._now_until = second + (millisecond + 1) / 1000 - self._offset_s

    TIME_FORMAT = ""
    LOOKED_AT: tuple[tuple[bytes, ...], ...] = ()  # fields, in their spellings
    _escape = staticmethod(in_json)

    def _time_text(self, millisecond: int) -> bytes:
        raise NotImplementedError

    def _path(self, target: bytes) -> bytes:
        return target if self.with_query else target.partition(b"?")[0]


class JsonForm(NamedTuple):
    """What the requests of one form, method and route have in common."""

    host: bytes
    method: bytes
    plan: ServicePlan
    route: Route
    begin: bytes  # before the target
    behind: bytes


class JsonLog(AccessLog):
    TIME_FORMAT = '{"time":"%Y-%m-%dT%H:%M:%S'
    LOOKED_AT = (pieces.AGENT,)

    def __init__(self, writer: LogWriter, *, with_query: bool) -> None:
        super().__init__(writer, with_query=with_query)
        self._names_of: Runtime | None = None
        self._names: dict[str, bytes] = {}  # by route id
        self._sizes = pieces.Pieces(lambda key: b'"status":%d,"bytes":%d,' % (key % 1000, key // 1000))
        self._times = pieces.Pieces(pieces.times)
        self._ends = pieces.Pieces(pieces.end)

    def _make_lines(self) -> None:
        lines, sizes, times, ends = self._lines, self._sizes, self._times, self._ends
        for (
            ended_at,
            started_at,
            answered_at,
            id_line,
            form,
            shown,
            status,
            sent,
            label,
            received,
            tried,
        ) in self._taken():
            if ended_at >= self._now_until:
                self._tick(ended_at)
            tenths = int((ended_at - started_at) * 1e4 + 0.5)
            if ended_at != answered_at:
                tenths = (tenths, int((answered_at - started_at) * 1e4 + 0.5))
            lines += (
                self._now,
                id_line[ID_AT],
                form[4],
                shown,
                form[5],
                sizes[sent * 1000 + status],
                times[tenths],
                ends[(label, received, len(tried) + 1) if received or tried else label],
            )

    def _line(self, entry: Entry, ended_at: float) -> bytes:
        if ended_at >= self._now_until:
            self._tick(ended_at)
        return (
            b'%b%b%b"status":%d,"bytes":%d,"duration_ms":%.1f,"target_ms":%b,"target":%b,'
            b'"request_bytes":%d,"tries":%d,"outcome":"%b","reason":%b}\n'
            % (
                self._now,
                entry.request_id,
                self._request(entry.peer, entry.head, entry.forward),
                entry.status,
                entry.sent_bytes,
                entry.duration_ms,
                b"null" if entry.target_ms is None else b"%.1f" % entry.target_ms,
                pieces.text(entry.target),
                entry.received_bytes,
                entry.tries,
                entry.outcome,
                pieces.text(entry.reason.encode()),
            )
        )

    def _time_text(self, millisecond: int) -> bytes:
        return f'{self._second_text}.{millisecond:03d}Z","request_id":"'.encode()

    def _request(self, peer: Peer, head: RequestHead | None, forward: Forward | None) -> bytes:
        if head is None:
            return _UNREAD % peer.address + _NOWHERE
        target = in_json(self._path(head.target))
        if forward is None:
            return _begin(peer, head) + target + _agent_piece(head) + _NOWHERE
        form = self._form(peer, forward)
        return form.begin + target + form.behind

    def _form(self, peer: Peer, forward: Forward) -> JsonForm:
        head, plan, route = forward.head, forward.plan, forward.match.route
        known = head.block.logged
        if known is not None and known[0] is head.host and known[1:4] == (head.method, plan, route):
            return known
        behind = _agent_piece(head) + self._named(forward)
        return JsonForm(head.host, head.method, plan, route, _begin(peer, head), behind)

    def _named(self, forward: Forward) -> bytes:
        if forward.runtime is not self._names_of:
            self._names_of, self._names = forward.runtime, {}
        route, plan = forward.match.route, forward.plan
        names = self._names.get(route.id)
        if names is None:
            upstream = None if plan.is_single else plan.balancer.upstream.name
            names = self._names[route.id] = b'"route":%b,"service":%b,"upstream":%b,' % tuple(
                pieces.text((name or "").encode())
                for name in (route.name or route.id, plan.service.name or plan.service.id, upstream)
            )
        return names


class CombinedForm(NamedTuple):
    """What the requests of one form, method and version have in common."""

    client: bytes
    method: bytes
    begin: bytes  # before the target
    behind: bytes  # what ends the request
    end: bytes


class CombinedLog(AccessLog):
    """``$remote_addr - - [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"``"""

    TIME_FORMAT = " - - [%d/%b/%Y:%H:%M:%S +0000] "
    LOOKED_AT = (pieces.REFERER, pieces.AGENT)
    _escape = staticmethod(in_quotes)

    def _make_lines(self) -> None:
        for ended_at, _, _, _, (client, _, begin, behind, end), shown, status, sent, *_ in self._taken():
            if ended_at >= self._now_until:
                self._tick(ended_at)
            self._lines.append(b"%b%b%b%b%b %d %d %b" % (client, self._now, begin, shown, behind, status, sent, end))

    def _line(self, entry: Entry, ended_at: float) -> bytes:
        if ended_at >= self._now_until:
            self._tick(ended_at)
        head = entry.head
        if head is None:
            return b'%b%b"-" %d %d "-" "-"\n' % (entry.peer.address, self._now, entry.status, entry.sent_bytes)
        form, shown = self._form_of(entry.peer, head), in_quotes(self._path(head.target))
        return b"%b%b%b%b%b %d %d %b" % (
            form.client,
            self._now,
            form.begin,
            shown,
            form.behind,
            entry.status,
            entry.sent_bytes,
            form.end,
        )

    def _time_text(self, millisecond: int) -> bytes:
        return self._second_text.encode()

    def _form(self, peer: Peer, forward: Forward) -> CombinedForm:
        return self._form_of(peer, forward.head)

    def _form_of(self, peer: Peer, head: RequestHead) -> CombinedForm:
        known, behind = head.block.logged, b' HTTP/1.0"' if head.is_http10 else b' HTTP/1.1"'
        if known is not None and known.method == head.method and known.behind == behind:
            return known
        client = in_quotes(pieces.client(peer, head)).replace(b" ", b"")
        referer, agent = (in_quotes(pieces.field(head, *spellings)) or b"-" for spellings in self.LOOKED_AT)
        return CombinedForm(client, head.method, b'"%b ' % head.method, behind, b'"%b" "%b"\n' % (referer, agent))


FORMATS: dict[str, type[AccessLog]] = {"json": JsonLog, "combined": CombinedLog}


def open_log(settings: AccessLogSettings) -> AccessLog:
    """Whoever opens it flushes it now and then, and closes it."""
    file = LogFile(settings.path, settings.max_bytes) if settings.path is not None else StandardOutput()
    return FORMATS[settings.format](LogWriter(file), with_query=settings.with_query)


def _begin(peer: Peer, head: RequestHead) -> bytes:
    """A host and a method need no escaping."""
    client = in_json(pieces.client(peer, head)) if peer.is_trusted else peer.address
    return b'","client":"%b","host":"%b","method":"%b","path":"' % (client, head.host, head.method)


def _agent_piece(head: RequestHead) -> bytes:
    return b'","user_agent":%b,' % pieces.text(pieces.field(head, *pieces.AGENT))
