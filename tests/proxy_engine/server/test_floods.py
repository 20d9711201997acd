"""Clients that send as much as they can of whatever costs most: memory stays bounded, and others get their turn."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from proxy_engine.http.chunked import CHUNKS_AT_ONCE
from proxy_engine.http.fields import MAX_REMEMBERED
from proxy_engine.http.request_block import LINES
from proxy_engine.server.client import MAX_HELD
from tests.proxy_engine.support.client import Cut, a_request
from tests.proxy_engine.support.targets import a_response, answering, deaf, echoing, silent
from tests.proxy_engine.support.waiting import until

CHUNKED = b"Transfer-Encoding: chunked"
ONE_READ = 262_144  # bytes; what a transport gives at most at once
LITTLE = 16_384  # bytes in the kernel


async def the_connection(gateway):
    return await until(lambda: gateway.connections() and gateway.connections()[0])


class TestPipelining:
    async def test_what_waits_is_bounded(self, gateway, target):
        gateway.serve(await target(silent))
        client = await gateway.connect()
        client.send(a_request() * 100_000)  # 3.5 MB
        connection = await the_connection(gateway)

        await until(lambda: connection.is_reading_paused)

        assert len(connection.held) <= MAX_HELD + ONE_READ
        connection.cut()  # a client that is paused is not seen to leave

    async def test_others_get_their_turn(self, gateway):
        """Requests that the gateway answers itself, so that no target slows the flood down."""
        gateway.load()
        flood = await gateway.connect()
        flood.send(a_request() * 20_000)
        await until(lambda: gateway.connections() and gateway.connections()[0].served)
        served_before = gateway.connections()[0].served

        answer = await (await gateway.connect()).ask(a_request())

        assert answer.status == 404
        assert gateway.connections()[0].served - served_before < 2000

    async def test_a_client_that_reads_no_answers_gets_no_more(self, make_gateway):
        gateway = await make_gateway(kernel_bytes=LITTLE)
        gateway.load()
        client = await gateway.connect(buffer_bytes=1000, kernel_bytes=LITTLE)
        client.send(a_request() * 100_000)
        connection = await the_connection(gateway)

        await until(lambda: connection.is_writing_paused and connection.is_reading_paused)

        assert connection.transport.get_write_buffer_size() < 300_000
        assert len(connection.held) <= MAX_HELD + ONE_READ
        connection.cut()


class TestTinyChunks:
    """One byte of payload for six: all that is needed is a generator and an HTTP library that sends what it yields."""

    COUNT = 50_000
    BODY = b"1\r\na\r\n" * COUNT + b"0\r\n\r\n"

    async def test_they_arrive_all_the_same(self, gateway, target):
        gateway.serve(await target(echoing))
        client = await gateway.connect()
        for _ in range(2):
            response = await client.ask(a_request("/", CHUNKED, method="POST") + self.BODY)
            assert response.body == b"a" * self.COUNT
        assert not gateway.connections()[0].is_reading_paused

    async def test_they_arrive_from_a_client_that_closed_its_side_long_ago(self, gateway, target):
        """The end was read behind the first request, when the second waited for its turn."""
        gateway.serve(await target(echoing))
        client = await gateway.connect()
        client.send(a_request() + a_request("/", CHUNKED, method="POST") + self.BODY[-6 * 3000 - 5 :])
        client.finish()

        await client.response()
        assert (await client.response()).body == b"a" * 3000
        assert await client.rest() == b""

    async def test_half_of_them_from_such_a_client_are_given_up(self, gateway, target):
        origin = await target(echoing)
        gateway.serve(origin)
        client = await gateway.connect()
        half = self.BODY[: 18 * CHUNKS_AT_ONCE]
        client.send(a_request() + a_request("/", CHUNKED, method="POST") + half)
        client.finish()

        await client.response()
        assert await client.rest() == b""
        assert len(origin.requests) == 1

    async def test_one_callback_reads_so_many_and_then_it_is_someone_elses_turn(self, gateway, target):
        gateway.serve(await target(silent))
        client = await gateway.connect()
        client.send(a_request("/", CHUNKED, method="POST"))
        connection = await the_connection(gateway)
        await until(gateway.upstream_in_use)

        connection.data_received(self.BODY[:-5])

        assert connection.body.payload_bytes == CHUNKS_AT_ONCE
        assert connection.is_reading_paused
        await asyncio.sleep(0)
        assert connection.body.payload_bytes == 2 * CHUNKS_AT_ONCE
        await until(lambda: connection.body.payload_bytes == self.COUNT)
        assert not connection.is_reading_paused

    async def test_nothing_lets_it_read_on_before_its_turn(self, gateway, target):
        gateway.serve(await target(silent))
        client = await gateway.connect()
        client.send(a_request("/", CHUNKED, method="POST"))
        connection = await the_connection(gateway)
        await until(gateway.upstream_in_use)
        connection.data_received(self.BODY[:-5])

        connection.resume_reading()  # as the exchange does when its target has taken what waited

        assert connection.is_reading_paused
        await until(lambda: not connection.is_reading_paused)

    async def test_a_target_that_takes_nothing_stops_it(self, make_gateway, target):
        gateway = await make_gateway()
        gateway.serve(await target(deaf, kernel_bytes=LITTLE), write_timeout=2000)
        client = await gateway.connect()
        client.send(a_request("/", CHUNKED, method="POST") + b"a\r\n0123456789\r\n" * 1_000_000)
        connection = await the_connection(gateway)
        upstream = await until(gateway.upstream_in_use)

        await until(lambda: upstream.is_clogged and connection.is_reading_paused and not connection.body.has_more)

        assert upstream.transport.get_write_buffer_size() < 1_000_000
        for _ in range(3):
            gateway.pass_time(10)
        assert (await client.response()).status == 504

    async def test_it_may_leave_in_the_middle(self, gateway, target):
        gateway.serve(await target(silent))
        client = await gateway.connect()
        client.send(a_request("/", CHUNKED, method="POST"))
        connection = await the_connection(gateway)
        await until(gateway.upstream_in_use)
        connection.data_received(self.BODY[:-5])

        client.reset()
        connection.transport.abort()

        await until(gateway.is_at_rest)

    async def test_a_request_may_follow(self, gateway, target):
        origin = await target(echoing)
        gateway.serve(origin)
        client = await gateway.connect()
        client.send(
            a_request("/", CHUNKED, method="POST") + self.BODY + a_request("/next", method="POST", body=b"next")
        )

        assert [(await client.response()).body for _ in range(2)] == [b"a" * self.COUNT, b"next"]


class TestOneByteAtATime:
    @pytest.mark.parametrize("body", [b"5\r\nhello\r\n0\r\nX-A: b\r\n\r\n", b"5;ext=1\r\nhello\r\n000\r\n\r\n"])
    async def test_everything_is_understood(self, gateway, target, body):
        gateway.serve(await target(echoing))
        client = await gateway.connect()
        raw = a_request("/", CHUNKED, method="POST") + body
        await client.send_in_pieces(*(raw[at : at + 1] for at in range(len(raw))))

        assert (await client.response()).body == b"hello"

    async def test_a_head_that_never_ends_is_held_only_so_far(self, gateway):
        gateway.load()
        client = await gateway.connect()
        client.send(b"GET / HTTP/1.1\r\nX: ")
        connection = await the_connection(gateway)
        await until(lambda: connection.held)

        for _ in range(400):
            connection.data_received(b"x" * 100)
            assert len(connection.held) <= 32_768

        assert (await client.response()).status == 431


class TestHeads:
    async def test_fields_that_never_come_again_are_not_remembered_for_ever(self, gateway, target):
        gateway.serve(await target(answering(a_response(b"ok"))))
        client = await gateway.connect()
        for turn in range(120):
            fields = (b"X-%d-%d: %d" % (turn, number, number) for number in range(90))
            assert (await client.ask(a_request("/", *fields))).status == 200
            assert len(LINES) <= MAX_REMEMBERED

    @pytest.mark.parametrize(
        ("variable", "most", "make", "status"),
        [
            ("REQUEST_LINE_BYTES", 300, lambda n: b"GET /" + b"a" * (n - 14) + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
            ("FIELD_BYTES", 300, lambda n: b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * (n - 3) + b"\r\n\r\n", 431),
            ("FIELDS", 10, lambda n: b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * (n - 1) + b"\r\n", 431),
            ("HEAD_BYTES", 1024, lambda n: a_request("/", b"A: " + b"a" * 900, b"X: " + b"y" * (n - 944)), 431),
        ],
    )
    async def test_the_bounds_are_settings(self, make_gateway, target, variable, most, make, status):
        gateway = await make_gateway(env={f"GATEWAY_LIMIT_{variable}": str(most)})
        origin = await target(answering(a_response(b"ok")))
        gateway.serve(origin)
        longest, longer = make(most), make(most + 1)
        client = await gateway.connect()
        for _ in range(2):
            assert (await client.ask(longest)).status == 200
        assert (await client.ask(longer)).status == status
        assert len(origin.requests) == 2

        for at in range(len(longer) - 5, len(longer)):
            client = await gateway.connect()
            await client.send_in_pieces(longer[:at], longer[at:])
            assert (await client.response()).status == status

    @pytest.mark.parametrize("name", [b"X-Id", b"X-Other"])
    async def test_also_for_requests_of_a_known_form(self, make_gateway, target, name):
        gateway = await make_gateway(env={"GATEWAY_LIMIT_FIELD_BYTES": "300", "GATEWAY_LIMIT_FIELDS": "8"})
        gateway.serve(await target(answering(a_response(b"ok"))))

        def request(value: bytes, *more: bytes) -> bytes:
            return a_request("/", b"A: b", name + b": " + value, *more, b"C: d")

        client = await gateway.connect()
        for value in (b"1", b"2", b"3", b"4" * 290):
            assert (await client.ask(request(value))).status == 200
        assert (await client.ask(request(b"5" * 300))).status == 431
        client = await gateway.connect()
        for value in (b"1", b"2", b"3"):
            assert (await client.ask(request(value))).status == 200
        assert (await client.ask(request(b"4", *[name + b": 5"] * 5))).status == 431

    async def test_a_longer_head_is_a_setting_away(self, make_gateway, target):
        env = {
            "GATEWAY_LIMIT_HEAD_BYTES": "200000",
            "GATEWAY_LIMIT_FIELD_BYTES": "60000",
            "GATEWAY_LIMIT_FIELDS": "500",
        }
        gateway = await make_gateway(env=env)
        gateway.serve(await target(answering(a_response(b"ok"))))
        client = await gateway.connect()
        for turn in range(3):
            fields = [b"X-%d: y" % number for number in range(490)]
            response = await client.ask(a_request("/", *fields, b"Z: %d" % turn + b"z" * 50_000))
            assert response.status == 200


OUT_OF_FILES = """
import asyncio, resource, socket, sys
from pathlib import Path
from proxy_engine.engine import Engine
from proxy_engine.server.client import ClientConnection
from proxy_engine.settings import EngineSettings
from proxy_engine.sources import Snapshot

async def main():
    loop = asyncio.get_running_loop()
    engine = Engine(EngineSettings.from_env({}), loop)
    engine.load(Snapshot(1, {}))
    server = await loop.create_server(lambda: ClientConnection(engine, "http"), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], engine.door.most, flush=True)
    spare = [open("/dev/null") for _ in range(int(sys.argv[2]))]  # what else a process has open
    sweeping = asyncio.create_task(engine.sweep_for_ever())
    await loop.run_in_executor(None, sys.stdin.readline)
    sweeping.cancel()

resource.setrlimit(resource.RLIMIT_NOFILE, (120, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
if sys.argv[1] == "uvloop":
    import uvloop
    factory = uvloop.new_event_loop
else:
    factory = asyncio.new_event_loop
with asyncio.Runner(loop_factory=factory) as runner:
    runner.run(main())
    print(resource.getrusage(resource.RUSAGE_SELF).ru_utime, flush=True)
"""


class TestFewFiles:
    """A worker of its own: the limit holds for a whole process. It has no route, so every answer is its own."""

    @pytest.fixture(params=["uvloop", "asyncio"])
    def start(self, request):
        started = []

        def start(spare: int) -> tuple[subprocess.Popen, int, int]:
            arguments = [sys.executable, "-c", OUT_OF_FILES, request.param, str(spare)]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            process = subprocess.Popen(arguments, text=True, **pipes)
            started.append(process)
            port, most = process.stdout.readline().split()
            return process, int(port), int(most)

        yield start
        for process in started:
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()

    @staticmethod
    async def statuses(port: int, count: int) -> tuple[list, list[int]]:
        from tests.proxy_engine.support.client import RawClient

        clients = [await RawClient.connect(port) for _ in range(count)]
        found = []
        for client in clients:
            try:
                found.append((await client.ask(a_request())).status)
            except Cut:
                found.append(0)
        return clients, found

    async def test_all_that_there_is_room_for_are_served_and_the_others_told(self, start):
        process, port, most = start(0)
        assert most == 120 - 32

        clients, found = await self.statuses(port, 150)

        assert found[:most] == [404] * most
        assert set(found[most:]) <= {503, 0}
        for client in clients:
            client.reset()
        await until(lambda: self.is_served(port))
        process.stdin.write("\n")
        process.stdin.flush()
        assert float(process.stdout.readline()) < 3  # nothing span

    async def test_with_none_left_it_neither_spins_nor_dies(self, start):
        """The door's count is of no use where others have taken the files: accepting meets EMFILE."""
        process, port, _ = start(60)
        clients = [await asyncio.to_thread(self.connect, port) for _ in range(100)]
        await asyncio.sleep(0.5)

        for client in clients:
            client.close()

        await until(lambda: self.is_served(port))
        process.stdin.write("\n")
        process.stdin.flush()
        assert float(process.stdout.readline()) < 3

    @staticmethod
    def connect(port: int):
        import socket

        return socket.create_connection(("127.0.0.1", port), timeout=5)

    async def is_served(self, port: int) -> bool:
        clients, found = await self.statuses(port, 1)
        clients[0].reset()
        return found == [404]
