"""The access log: one line per request, whatever became of it.

A line is made where its exchange ends, in one call, and waits with others for the next sweep, which hands them to the
writer's thread. No ``logging``, no JSON encoder, no clock but the one the exchange has read anyway: what a request says
of itself (client, path, route …) is rendered once and kept with its ``Forward``, the time once per millisecond.

Formats, each a class here:

- ``json``: an object per line. ``time`` (UTC, of the end), ``request_id``, ``client`` (as X-Real-IP tells it to the
  target), ``method``, ``host``, ``path`` (as sent, with the query), ``user_agent``, ``route``, ``service``,
  ``upstream``, ``status`` (499: the client left before there was one), ``bytes`` (of the body sent to the client),
  ``duration_ms`` (from the whole head to the end of the response), ``target_ms`` (to the head of the target's
  response), ``target``, ``request_bytes`` (of the body received), ``tries``, ``outcome``, ``reason``. What is not
  known is null. Outcomes: ``complete``; ``cut``, the response broke off; ``client left``; ``own answer``, the reason
  being its message; ``tunnel``, a WebSocket that ended.
- ``combined``: as Apache and nginx write it, for the tools that read it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from .escape import in_json, in_quotes
from .log_file import LogFile, StandardOutput
from .log_writer import LogWriter
from .request_id import ID_AT

if TYPE_CHECKING:
    from proxy_engine.http.request import RequestBlock, RequestHead
    from proxy_engine.proxy.account import Account
    from proxy_engine.proxy.forward import Peer
    from proxy_engine.proxy.prepare import Forward
    from proxy_engine.runtime import Runtime
    from proxy_engine.settings import AccessLogSettings

MOST_FORMS = 1024  # of heads that are remembered; then it learns anew
MAX_FORM = 4096  # bytes of one; longer ones are not worth the memory
MOST_LINES = 1000  # that wait for a sweep; more are handed over at once

_PLAIN = (
    b'%b%b",%b"status":%d,"bytes":%d,"duration_ms":%.3f,"target_ms":%.3f,"target":"%b",'
    b'"request_bytes":0,"tries":1,"outcome":"complete","reason":null}\n'
)
_WITH_BODY_OR_TRIES = _PLAIN.replace(b'"request_bytes":0,"tries":1', b'"request_bytes":%d,"tries":%d')

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


class AccessLog:
    """What the formats share. ``complete`` is on the hot path, all else is not."""

    def __init__(self, writer: LogWriter, *, with_query: bool) -> None:
        self.writer = writer
        self.with_query = with_query
        self.waiting: list[bytes] = []
        self._offset_s = 0.0  # from the monotonic clock to the time of day
        self._now_until = 0.0  # monotonic: until then, ``_now`` is the time
        self._now = b""
        self._second = -1
        self._second_text = ""
        self._look_at_the_clock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} waiting={len(self.waiting)} {self.writer}>"

    def flush(self) -> None:
        if self.waiting:
            lines, self.waiting = self.waiting, []
            self.writer.put(b"".join(lines), len(lines))
        self._look_at_the_clock()

    def close(self) -> None:
        self.flush()
        self.writer.close()

    def complete(self, account: Account, ended_at: float) -> None:
        """A response of a target went through."""
        raise NotImplementedError

    def other(self, entry: Entry, ended_at: float) -> None:
        """Anything else."""
        self._add(self._line(entry, ended_at))

    def _line(self, entry: Entry, ended_at: float) -> bytes:
        raise NotImplementedError

    def _add(self, line: bytes) -> None:
        self.waiting.append(line)
        if len(self.waiting) >= MOST_LINES:
            self.flush()

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
        self._forms: dict[RequestBlock, tuple[bytes, bytes, bytes]] = {}

    def complete(self, account: Account, ended_at: float) -> None:
        if ended_at >= self._now_until:
            self._tick(ended_at)
        forward = account.forward
        if not forward.logged:
            forward.logged = self._request(account.client.peer, forward.head, forward)
        started_at = account.started_at
        facts = (
            self._now,
            account.id_line[ID_AT],
            forward.logged,
            account.status,
            account.sent_bytes,
            (ended_at - started_at) * 1e3,
            (account.answered_at - started_at) * 1e3,
            account.upstream.pool.label,
        )
        waiting = self.waiting
        if account.tried or account.received_bytes:
            waiting.append(_WITH_BODY_OR_TRIES % (*facts, account.received_bytes, len(account.tried) + 1))
        else:  # each number in a template costs 50 ns
            waiting.append(_PLAIN % facts)
        if len(waiting) >= MOST_LINES:
            self.flush()

    def _line(self, entry: Entry, ended_at: float) -> bytes:
        if ended_at >= self._now_until:
            self._tick(ended_at)
        return (
            b'%b%b",%b"status":%d,"bytes":%d,"duration_ms":%.3f,"target_ms":%b,"target":%b,'
            b'"request_bytes":%d,"tries":%d,"outcome":"%b","reason":%b}\n'
            % (
                self._now,
                entry.request_id,
                self._request(entry.peer, entry.head, entry.forward),
                entry.status,
                entry.sent_bytes,
                entry.duration_ms,
                b"null" if entry.target_ms is None else b"%.3f" % entry.target_ms,
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
        names = b'"route":null,"service":null,"upstream":null,' if forward is None else self._named(forward)
        if head is None:
            return b'"client":"%b","method":null,"host":null,"path":null,"user_agent":null,%b' % (peer.address, names)
        form = self._forms.get(head.block)
        if form is None or form[0] is not head.host:
            form = self._form_of(peer, head)
        _, begin, end = form
        return b"".join((begin, head.method, b'","path":"', in_json(self._path(head.target)), end, names))

    def _form_of(self, peer: Peer, head: RequestHead) -> tuple[bytes, bytes, bytes]:
        """What does not change while a connection's heads have one form: what stands before the method, and behind the
        path."""
        client = in_json(_client(peer, head)) if peer.is_trusted else peer.address
        begin = b'"client":"%b","host":"%b","method":"' % (client, head.host)  # a host and a token need no escaping
        form = (head.host, begin, b'","user_agent":%b,' % _text(_agent(head)))
        size = len(head.block.before) + len(head.block.after)
        if size <= MAX_FORM and not _may_change(head, *_AGENT):
            if len(self._forms) >= MOST_FORMS:
                self._forms.clear()
            self._forms[head.block] = form
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

    def complete(self, account: Account, ended_at: float) -> None:
        if ended_at >= self._now_until:
            self._tick(ended_at)
        forward = account.forward
        if not forward.logged:
            forward.logged = self._request(account.client.peer, forward.head)
        client, request, behind = forward.logged
        self._add(b"%b%b%b %d %d %b" % (client, self._now, request, account.status, account.sent_bytes, behind))

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
