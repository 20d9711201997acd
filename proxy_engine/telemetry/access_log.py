"""The access log: one line per request, whatever became of it.

Where an exchange ends, one call notes its facts. Lines are made of them by the hundred, at the latest with the next
sweep, and handed to the writer's thread: between two requests the same code finds the processor's caches cold and costs
three times as much. No ``logging``, no JSON encoder, no clock but the one the exchange has read anyway, and hardly a
number is formatted: a line is joined of pieces that lines before it had in common with it.

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
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

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

MAX_FORM = 4096  # bytes of a head; of longer ones nothing is kept
MOST_LINES = 500  # that wait for a sweep; more are handed over at once
MOST_PIECES = 8192  # of each kind that are remembered: sizes, times, targets

_FACTS = 10  # of one response that went through
_MOST_FACTS = MOST_LINES * _FACTS

_UNREAD = b'","client":"%b","method":null,"host":null,"path":null,"user_agent":null,'
_NOWHERE = b'"route":null,"service":null,"upstream":null,'
_AGENT = (b"\r\nUser-Agent:", b"\r\nuser-agent:")

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


Form = tuple[bytes, "ServicePlan", "Route", bytes, bytes]
"""Of the requests of one connection: host, plan and route, what a line says before the method, and behind the path."""


class Pieces(dict):
    """Pieces of lines by what they tell, made when first needed."""

    def __init__(self, make: Callable[[Any], bytes]) -> None:
        self._make = make

    def __missing__(self, key: Any) -> bytes:
        if len(self) >= MOST_PIECES:
            self.clear()
        piece = self[key] = self._make(key)
        return piece


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
            account.status,
            account.sent_bytes,
            account.upstream.pool.label,
            account.received_bytes,
            account.tried,
        )
        if len(facts) >= _MOST_FACTS:
            self.flush()

    def other(self, entry: Entry, ended_at: float) -> None:
        """Anything else."""
        self._make_lines()
        self._lines.append(self._line(entry, ended_at))
        self._count += 1
        if self._count >= MOST_LINES:
            self.flush()

    def _remember(self, forward: Forward, peer: Peer) -> Any:
        """What a line tells of the request itself, kept for when it comes again."""
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

    def _time_text(self, millisecond: int) -> bytes:
        raise NotImplementedError

    def _path(self, target: bytes) -> bytes:
        return target if self.with_query else target.partition(b"?")[0]


class JsonLog(AccessLog):
    TIME_FORMAT = '{"time":"%Y-%m-%dT%H:%M:%S'

    def __init__(self, writer: LogWriter, *, with_query: bool) -> None:
        super().__init__(writer, with_query=with_query)
        self._names_of: Runtime | None = None
        self._names: dict[str, bytes] = {}  # by route id
        self._sizes = Pieces(lambda key: b'"status":%d,"bytes":%d,' % (key % 1000, key // 1000))
        self._times = Pieces(_times)
        self._ends = Pieces(_end)

    def _make_lines(self) -> None:
        lines, sizes, times, ends = self._lines, self._sizes, self._times, self._ends
        for ended_at, started_at, answered_at, id_line, request, status, sent, label, received, tried in self._taken():
            if ended_at >= self._now_until:
                self._tick(ended_at)
            if len(request) > 1:
                request[:] = (_request(*request),)
            tenths = int((ended_at - started_at) * 1e4 + 0.5)
            if ended_at != answered_at:
                tenths = (tenths, int((answered_at - started_at) * 1e4 + 0.5))
            lines += (
                self._now,
                id_line[ID_AT],
                request[0],
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
                _text(entry.target),
                entry.received_bytes,
                entry.tries,
                entry.outcome,
                _text(entry.reason.encode()),
            )
        )

    def _time_text(self, millisecond: int) -> bytes:
        return f'{self._second_text}.{millisecond:03d}Z","request_id":"'.encode()

    def _request(self, peer: Peer, head: RequestHead | None, forward: Forward | None) -> bytes:
        if head is None:
            return _UNREAD % peer.address + _NOWHERE
        if forward is not None:
            return _request(*self._pieces(peer, forward))
        begin, behind = _begin(peer, head), _agent_piece(head) + _NOWHERE
        return _request(begin, head.method, self._path(head.target), behind)

    def _remember(self, forward: Forward, peer: Peer) -> list[bytes]:
        forward.logged = pieces = self._pieces(peer, forward)
        return pieces

    def _pieces(self, peer: Peer, forward: Forward) -> list[bytes]:
        """What ``_request`` takes."""
        head, plan, route = forward.head, forward.plan, forward.match.route
        form = head.block.logged
        if form is None or form[0] is not head.host or form[1] is not plan or form[2] is not route:
            form = self._form_of(peer, forward)
        target = head.target if self.with_query else self._path(head.target)
        return [form[3], head.method, target, form[4]]

    def _form_of(self, peer: Peer, forward: Forward) -> Form:
        head = forward.head
        behind = _agent_piece(head) + self._named(forward)
        form = (head.host, forward.plan, forward.match.route, _begin(peer, head), behind)
        size = len(head.block.before) + len(head.block.after)
        if size <= MAX_FORM and not _may_change(head, *_AGENT):
            head.block.logged = form
        return form

    def _named(self, forward: Forward) -> bytes:
        if forward.runtime is not self._names_of:
            self._names_of, self._names = forward.runtime, {}
        route, plan = forward.match.route, forward.plan
        names = self._names.get(route.id)
        if names is None:
            upstream = None if plan.is_single else plan.balancer.upstream.name
            names = self._names[route.id] = b'"route":%b,"service":%b,"upstream":%b,' % tuple(
                _text((name or "").encode())
                for name in (route.name or route.id, plan.service.name or plan.service.id, upstream)
            )
        return names


class CombinedLog(AccessLog):
    """``$remote_addr - - [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"``"""

    TIME_FORMAT = " - - [%d/%b/%Y:%H:%M:%S +0000] "

    def _make_lines(self) -> None:
        for ended_at, _, _, _, (client, request, behind), status, sent, *_ in self._taken():
            if ended_at >= self._now_until:
                self._tick(ended_at)
            self._lines.append(b"%b%b%b %d %d %b" % (client, self._now, request, status, sent, behind))

    def _remember(self, forward: Forward, peer: Peer) -> tuple[bytes, bytes, bytes]:
        forward.logged = pieces = self._request(peer, forward.head)
        return pieces

    def _line(self, entry: Entry, ended_at: float) -> bytes:
        if ended_at >= self._now_until:
            self._tick(ended_at)
        client, request, behind = self._request(entry.peer, entry.head)
        return b"%b%b%b %d %d %b" % (client, self._now, request, entry.status, entry.sent_bytes, behind)

    def _time_text(self, millisecond: int) -> bytes:
        return self._second_text.encode()

    def _request(self, peer: Peer, head: RequestHead | None) -> tuple[bytes, bytes, bytes]:
        if head is None:
            return peer.address, b'"-"', b'"-" "-"\n'
        request = b'"%b %b HTTP/1.%d"' % (head.method, in_quotes(self._path(head.target)), 0 if head.is_http10 else 1)
        referer, agent = _field(head, b"\r\nReferer:", b"\r\nreferer:"), _agent(head)
        client = in_quotes(_client(peer, head)).replace(b" ", b"")
        return client, request, b'"%b" "%b"\n' % (in_quotes(referer) or b"-", in_quotes(agent) or b"-")


FORMATS: dict[str, type[AccessLog]] = {"json": JsonLog, "combined": CombinedLog}


def open_log(settings: AccessLogSettings) -> AccessLog:
    """Whoever opens it flushes it now and then, and closes it."""
    file = LogFile(settings.path, settings.max_bytes) if settings.path is not None else StandardOutput()
    return FORMATS[settings.format](LogWriter(file), with_query=settings.with_query)


def _request(begin: bytes, method: bytes, target: bytes, behind: bytes) -> bytes:
    return b"".join((begin, method, b'","path":"', in_json(target), behind))


def _begin(peer: Peer, head: RequestHead) -> bytes:
    """A host and a method need no escaping."""
    client = in_json(_client(peer, head)) if peer.is_trusted else peer.address
    return b'","client":"%b","host":"%b","method":"' % (client, head.host)


def _agent_piece(head: RequestHead) -> bytes:
    return b'","user_agent":%b,' % _text(_agent(head))


def _times(tenths: int | tuple[int, int]) -> bytes:
    """``tenths`` of a millisecond, to the end and to the target's head, or one number where they are the same."""
    whole, head = tenths if type(tenths) is tuple else (tenths, tenths)
    return b'"duration_ms":%d.%d,"target_ms":%d.%d,"target":"' % (*divmod(whole, 10), *divmod(head, 10))


def _end(facts: bytes | tuple[bytes, int, int]) -> bytes:
    """The target's name, with the bytes that the request's body had and the tries where those are not 0 and 1."""
    return b'%b","request_bytes":%d,"tries":%d,"outcome":"complete","reason":null}\n' % (
        facts if type(facts) is tuple else (facts, 0, 1)
    )


def _text(raw: bytes) -> bytes:
    return b'"%b"' % in_json(raw) if raw else b"null"


def _client(peer: Peer, head: RequestHead) -> bytes:
    """The address that the target is told in X-Real-IP."""
    if peer.is_trusted and head.block.forwarded:
        return head.block.forwarded.get(b"x-real-ip") or peer.address
    return peer.address


def _agent(head: RequestHead) -> bytes:
    return _field(head, *_AGENT)


def _may_change(head: RequestHead, *spellings: bytes) -> bool:
    """Whether the field may stand in what changes from head to head of one form."""
    block = head.block
    stays = block.after + block.before[: block.before.rfind(b"\r\n") + 2]
    return block.most_between > 0 and not any(spelling in stays for spelling in spellings)


def _field(head: RequestHead, *spellings: bytes) -> bytes:
    """The value of a field that is only looked at here, found without reading the others: the first one as it is
    usually spelt, empty if there is none."""
    block = head.block
    for lines in (block.before + head.middle, block.after):
        for spelling in spellings:
            at = lines.find(spelling)
            if at >= 0:
                begin = at + len(spelling)
                end = lines.find(b"\r\n", begin)
                return lines[begin : end if end >= 0 else None].strip(b" \t")
    return b""
