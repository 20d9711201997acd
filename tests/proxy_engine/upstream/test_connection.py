"""Bytes from a target in, events for the exchange out."""

from __future__ import annotations

import asyncio

import pytest

from proxy_engine.errors import FailureKind
from proxy_engine.upstream.connection import UpstreamConnection
from proxy_engine.upstream.pool import Pool
from tests.proxy_engine.support.targets import CHUNKED_HEAD, a_response
from tests.proxy_engine.support.transports import FakeTransport

from .builders import a_pool

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Recorder:
    """An exchange that only takes notes."""

    def __init__(self, method: bytes = b"GET", *, is_request_complete: bool = True) -> None:
        self.method = method
        self.is_request_complete = is_request_complete
        self.statuses: list[int] = []
        self.body = b""
        self.lasts = 0
        self.ends = 0
        self.failures: list[FailureKind] = []
        self.cuts: list[str] = []
        self.pauses: list[bool] = []

    def response_head(self, head, is_chunked: bool, length: int, data: bytes, is_last: bool) -> None:
        self.statuses.append(head.status)
        self.body += data
        self.lasts += is_last

    def response_data(self, data: bytes, is_last: bool) -> None:
        self.body += data
        self.lasts += is_last

    def move_body(self, source: asyncio.Transport, most: int) -> tuple[int, bytes]:
        return 0, b""

    def response_end(self) -> None:
        self.ends += 1

    def may_switch(self, head) -> bool:
        return False

    def attempt_failed(self, kind: FailureKind, detail: str) -> None:
        self.failures.append(kind)

    def response_cut(self, detail: str) -> None:
        self.cuts.append(detail)

    def upstream_paused(self) -> None:
        self.pauses.append(True)

    def upstream_resumed(self) -> None:
        self.pauses.append(False)

    @property
    def outcome(self) -> tuple:
        return self.statuses, self.body, self.lasts, self.ends, self.failures, self.cuts


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def pool(loop) -> Pool:
    return a_pool(loop)


@pytest.fixture
def connection(pool) -> UpstreamConnection:
    connection = UpstreamConnection(pool)
    connection.connection_made(FakeTransport())
    pool.connections.add(connection)
    return connection


def receive(connection: UpstreamConnection, *pieces: bytes, method: bytes = b"GET") -> Recorder:
    """The response to one request, in these pieces."""
    recorder = Recorder(method)
    connection.start(recorder, REQUEST)
    for piece in pieces:
        connection.data_received(piece)
    return recorder


WHOLE = {
    "counted": (a_response(b"hello"), b"hello"),
    "empty": (a_response(b""), b""),
    "chunked": (CHUNKED_HEAD + b"2\r\nhe\r\n3;x\r\nllo\r\n0\r\nT: x\r\n\r\n", b"hello"),
    "after interim": (b"HTTP/1.1 100 \r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\n" + a_response(b"hello"), b"hello"),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "HTTP/1.0, kept": (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello", b"hello"),
}


class TestAWholeResponse:
    @pytest.mark.parametrize("name", WHOLE)
    def test_split_at_any_byte(self, connection, pool, name):
        raw, body = WHOLE[name]
        for at in range(len(raw)):
            recorder = receive(connection, *filter(None, (raw[:at], raw[at:])))

            assert recorder.outcome[1:] == (body, 1, 1, [], []), at
            assert len(recorder.statuses) == 1
            assert pool.take() is connection

    @pytest.mark.parametrize("name", WHOLE)
    def test_byte_by_byte(self, connection, pool, name):
        raw, body = WHOLE[name]
        recorder = receive(connection, *(raw[n : n + 1] for n in range(len(raw))))

        assert recorder.outcome[1:] == (body, 1, 1, [], [])
        assert pool.take() is connection

    def test_to_head_the_length_is_of_a_body_that_does_not_come(self, connection, pool):
        recorder = receive(connection, a_response(b"", length=500), method=b"HEAD")

        assert recorder.outcome == ([200], b"", 1, 1, [], [])
        assert pool.take() is connection

    def test_one_without_length_ends_with_the_connection(self, connection, pool):
        recorder = receive(connection, b"HTTP/1.1 200 OK\r\n\r\nhel", b"lo")
        assert recorder.outcome == ([200], b"hello", 0, 0, [], [])

        connection.eof_received()
        connection.connection_lost(None)

        assert recorder.outcome == ([200], b"hello", 1, 1, [], [])
        assert pool.take() is None

    @pytest.mark.parametrize(
        "raw",
        [
            a_response(b"hello", b"Connection: close"),
            CHUNKED_HEAD.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n") + b"5\r\nhello\r\n0\r\n\r\n",
            a_response(b"hello").replace(b"1.1", b"1.0"),
            a_response(b"hello") + b"surplus",
            CHUNKED_HEAD + b"5\r\nhello\r\n0\r\n\r\n" + b"surplus",
        ],
    )
    def test_the_connection_is_not_kept_when_it_cannot_be_trusted(self, connection, pool, raw):
        recorder = receive(connection, raw)

        assert recorder.outcome == ([200], b"hello", 1, 1, [], [])
        assert connection.transport.is_closing()
        assert pool.take() is None


class TestAKnownHead:
    """A head that equals the one before is recognised without parsing; that must change nothing."""

    def test_the_same_again(self, connection):
        for _ in range(3):
            assert receive(connection, a_response(b"hello")).outcome == ([200], b"hello", 1, 1, [], [])

    def test_the_same_with_another_body(self, connection):
        receive(connection, a_response(b"hello"))

        assert receive(connection, a_response(b"world")).body == b"world"

    def test_the_same_in_pieces(self, connection):
        raw = a_response(b"hello")
        receive(connection, raw)

        for at in range(1, len(raw)):
            assert receive(connection, raw[:at], raw[at:]).outcome == ([200], b"hello", 1, 1, [], [])

    def test_another_one(self, connection):
        receive(connection, a_response(b"hello"))

        assert receive(connection, a_response(b"no", status=b"404 Not Found")).outcome == ([404], b"no", 1, 1, [], [])

    def test_the_same_to_another_method(self, connection):
        receive(connection, a_response(b"hello"))

        assert receive(connection, a_response(b"", length=5), method=b"HEAD").outcome == ([200], b"", 1, 1, [], [])
        assert receive(connection, a_response(b"hello")).outcome == ([200], b"hello", 1, 1, [], [])

    def test_the_same_chunked(self, connection):
        for body in (b"hello", b"other"):
            assert receive(connection, CHUNKED_HEAD + b"5\r\n" + body + b"\r\n0\r\n\r\n").body == body

    def test_the_same_behind_an_interim_one(self, connection):
        receive(connection, a_response(b"hello"))

        recorder = receive(connection, b"HTTP/1.1 100 Continue\r\n\r\n", a_response(b"hello"))

        assert recorder.outcome == ([200], b"hello", 1, 1, [], [])


class TestTheEndBeforeTheEnd:
    def lost(self, connection, *pieces: bytes, earlier: bytes = b"") -> Recorder:
        if earlier:
            receive(connection, earlier)
        recorder = receive(connection, *pieces)
        connection.eof_received()
        connection.connection_lost(None)
        return recorder

    @pytest.mark.parametrize(
        ("earlier", "pieces", "kind"),
        [
            (b"", [], FailureKind.RESET),
            (b"", [b"HTTP/1.1 200"], FailureKind.RESET),
            (a_response(b"x"), [], FailureKind.STALE),
            (a_response(b"x"), [b"HTTP/1.1 200"], FailureKind.RESET),
            (a_response(b"x"), [b"HTTP/1.1 100 Continue\r\n\r\n"], FailureKind.RESET),
            (b"HTTP/1.1 100 Continue\r\n\r\n" + a_response(b"x"), [], FailureKind.STALE),
        ],
    )
    def test_before_the_head_the_attempt_failed(self, connection, earlier, pieces, kind):
        recorder = self.lost(connection, *pieces, earlier=earlier)

        assert recorder.outcome == ([], b"", 0, 0, [kind], [])

    def test_a_refusal_that_comes_so_late_is_still_one(self, connection):
        """With fast open the first request goes out before anybody accepted."""
        recorder = receive(connection)
        connection.connection_lost(ConnectionRefusedError(111, "Connection refused"))

        assert recorder.failures == [FailureKind.CONNECT]

    @pytest.mark.parametrize(
        "raw", [a_response(b"hell", length=5), CHUNKED_HEAD + b"5\r\nhell", CHUNKED_HEAD + b"4\r\nhell\r\n0\r\n"]
    )
    def test_after_it_the_response_is_cut(self, connection, raw):
        recorder = self.lost(connection, raw)

        assert recorder.outcome == ([200], b"hell", 0, 0, [], ["closed by the target"])

    def test_a_reset_cuts_even_a_body_without_length(self, connection):
        recorder = receive(connection, b"HTTP/1.1 200 OK\r\n\r\nhell")

        connection.connection_lost(ConnectionResetError("reset"))

        assert recorder.outcome == ([200], b"hell", 0, 0, [], ["reset"])

    def test_an_abandoned_connection_says_nothing_more(self, connection, pool):
        recorder = receive(connection, a_response(b"hell", length=5))

        connection.abandon()
        connection.data_received(b"o")
        connection.connection_lost(None)

        assert recorder.outcome == ([200], b"hell", 0, 0, [], [])
        assert pool.take() is None
        assert connection.transport.was_aborted

    def test_a_sink_that_gives_up_while_it_is_told_hears_nothing_more(self, connection, pool):
        recorder = Recorder()
        recorder.response_head = lambda *_: connection.abandon()
        connection.start(recorder, REQUEST)

        connection.data_received(a_response(b"hello"))

        assert recorder.ends == 0
        assert pool.take() is None


class TestNonsense:
    @pytest.mark.parametrize(
        "raw",
        [
            b"nonsense\r\n\r\n",
            b"\r\n\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\nnonsense\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"y" * 66_000,
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 201 + b"\r\n",
            CHUNKED_HEAD + b"nonsense\r\n",
        ],
    )
    def test_it_is_a_bad_response(self, connection, raw):
        recorder = receive(connection, raw)

        assert recorder.outcome == ([], b"", 0, 0, [FailureKind.BAD_RESPONSE], [])
        assert connection.transport.was_aborted
        connection.connection_lost(None)
        assert recorder.outcome == ([], b"", 0, 0, [FailureKind.BAD_RESPONSE], [])

    def test_in_a_body_that_began_it_is_a_cut(self, connection):
        recorder = receive(connection, CHUNKED_HEAD + b"2\r\nhe\r\n", b"nonsense\r\n")
        connection.connection_lost(None)

        assert recorder.outcome == ([200], b"he", 0, 0, [], ["malformed chunk size"])
        assert connection.transport.was_aborted

    def test_while_idle_it_ends_the_connection(self, connection, pool):
        receive(connection, a_response(b"hello"))

        connection.data_received(b"HTTP/1.1 408 Request Timeout\r\n\r\n")

        assert connection.transport.was_aborted
        assert pool.take() is None

    def test_ten_thousand_interim_responses_are_no_depth(self, connection):
        recorder = receive(connection, b"HTTP/1.1 102 Processing\r\n\r\n" * 10_000, a_response(b"hello"))

        assert recorder.outcome == ([200], b"hello", 1, 1, [], [])


class TestFlow:
    def test_the_exchange_hears_of_a_slow_target(self, connection):
        recorder = receive(connection)
        connection.transport.unsent = 300_000

        connection.pause_writing()
        assert (connection.is_clogged, recorder.pauses) == (True, [True])

        connection.resume_writing()
        assert (connection.is_clogged, recorder.pauses) == (False, [True, False])

    def test_progress_is_any_change_of_what_waits(self, connection):
        receive(connection)
        connection.transport.unsent = 300_000
        connection.pause_writing()

        assert not connection.took_some()
        connection.transport.unsent = 299_999
        assert connection.took_some()
        assert not connection.took_some()

    def test_pausing_twice_is_pausing_once(self, connection):
        receive(connection)
        connection.pause_reading()
        connection.pause_reading()
        connection.resume_reading()
        connection.resume_reading()

        assert not connection.transport.is_paused

    def test_a_paused_connection_reads_again_when_it_is_given_back(self, connection, pool):
        receive(connection)
        connection.pause_reading()

        connection.data_received(a_response(b"hello"))

        assert not connection.transport.is_paused
        assert pool.take() is connection

    def test_one_with_a_request_still_unsent_is_not_given_back(self, connection, pool):
        """The target answered without reading it all; it may go on reading, or take the rest for nonsense."""
        receive(connection)
        connection.transport.unsent = 300_000
        connection.pause_writing()

        connection.data_received(a_response(b"hello"))

        assert connection.transport.was_closed
        assert pool.take() is None

    def test_one_with_half_a_request_is_aborted(self, connection, pool):
        recorder = Recorder(is_request_complete=False)
        connection.start(recorder, REQUEST)

        connection.data_received(a_response(b"hello"))

        assert recorder.ends == 1
        assert connection.transport.was_aborted

    def test_an_answer_to_half_a_request_forbids_reuse_even_if_the_rest_was_sent(self, connection, pool):
        recorder = Recorder(is_request_complete=False)
        connection.start(recorder, REQUEST)
        connection.data_received(a_response(b"hel", length=5))
        recorder.is_request_complete = True

        connection.data_received(b"lo")

        assert recorder.outcome == ([200], b"hello", 1, 1, [], [])
        assert pool.take() is None
