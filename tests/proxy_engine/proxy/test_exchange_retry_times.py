"""How long tries may take, one by one and together, and the pause between two.

Rotation begins with the first target, and a further try takes the second one's turn: each request comes to the first.
"""

from __future__ import annotations

import asyncio

import pytest

from proxy_engine.upstream.connection import UpstreamConnection
from tests.proxy_engine.support.client import a_request, chunked
from tests.proxy_engine.support.targets import a_response, answering, deaf, echoing, resetting, silent
from tests.proxy_engine.support.waiting import until
from tests.support.ports import free_port

OK = answering(a_response(b"ok"))
BUSY = answering(a_response(b"busy", status=b"503 Service Unavailable"))
ON_TIMEOUT = {"retry": {"on_read_timeout": True}}
PAUSE_S = 30


@pytest.fixture
def longest_pauses(monkeypatch):
    """Chance always chooses the longest pause there may be."""
    monkeypatch.setattr("proxy_engine.proxy.attempts.random", lambda: 1.0)


async def asked(gateway, **request):
    client = await gateway.connect()
    client.send(a_request(**request))
    return client


class TestOnReadTimeout:
    @pytest.mark.parametrize("method", ["GET", "PUT"])
    async def test_another_target_is_asked(self, gateway, target, method):
        mute, other = await target(silent), await target(OK)
        scene = gateway.serve(mute, other, read_timeout=1000, upstream=ON_TIMEOUT)
        client = await asked(gateway, method=method, body=b"x")
        await until(lambda: mute.requests)

        gateway.pass_time(2)

        assert (await client.response()).body == b"ok"
        assert scene.state(0).failures == 1
        assert gateway.engine.counters.retries == {"timeout": 1}

    async def test_never_for_a_post(self, gateway, target):
        first, second = await target(silent), await target(silent)
        gateway.serve(first, second, read_timeout=1000, upstream=ON_TIMEOUT)
        client = await asked(gateway, method="POST", body=b"order")
        await until(lambda: first.requests or second.requests)

        gateway.pass_time(2)

        assert (await client.response()).status == 504
        assert len(first.requests) + len(second.requests) == 1

    async def test_it_is_504_when_none_answers(self, gateway, target):
        targets = [await target(silent) for _ in range(3)]
        gateway.serve(*targets, read_timeout=1000, upstream=ON_TIMEOUT)
        client = await asked(gateway)

        for n in range(1, 4):
            await until(lambda n=n: sum(len(each.requests) for each in targets) == n)
            gateway.pass_time(2)

        assert (await client.response()).status == 504
        assert [len(each.requests) for each in targets] == [1, 1, 1]

    async def test_not_once_the_answer_has_begun(self, gateway, target):
        async def half(visit):
            await visit.request()
            await visit.send(a_response(b"half", length=8))
            await visit.gone()

        targets = [await target(half), await target(half)]
        gateway.serve(*targets, read_timeout=1000, upstream=ON_TIMEOUT)
        client = await asked(gateway)
        await client.reader.readuntil(b"half")

        gateway.pass_time(2)

        await until(gateway.is_at_rest)
        assert sum(len(each.requests) for each in targets) == 1


class TestPause:
    RULES = {"retry": {"backoff": PAUSE_S * 1000, "max_backoff": PAUSE_S * 1000}}

    @pytest.fixture
    async def pausing(self, gateway, target, longest_pauses):
        """An exchange between two tries."""
        self.first, self.second = await target(resetting), await target(OK)
        self.scene = gateway.serve(self.first, self.second, upstream=self.RULES)
        client = await asked(gateway)
        await until(lambda: self.scene.state(0).failures)
        return client

    async def test_the_next_try_waits_for_its_end(self, gateway, pausing):
        gateway.pass_time(PAUSE_S * 0.9)
        assert gateway.connections()[0].exchange.pause is not None
        assert not self.second.requests

        gateway.pass_time(PAUSE_S * 0.2)

        assert (await pausing.response()).body == b"ok"

    async def test_the_next_target_counts_it_meanwhile(self, gateway, pausing):
        assert (self.scene.state(0).active, self.scene.state(1).active) == (0, 1)

    async def test_a_client_that_leaves_ends_it(self, gateway, pausing):
        exchange = gateway.connections()[0].exchange
        timer = exchange.pause

        pausing.reset()

        await until(gateway.is_at_rest)
        assert timer.cancelled()
        assert exchange.pause is None
        assert not self.second.visits
        assert self.scene.state(1).failures == 0

    async def test_the_engines_end_ends_it(self, gateway, pausing):
        timer = gateway.connections()[0].exchange.pause

        gateway.connections()[0].cut()

        await until(gateway.is_at_rest)
        assert timer.cancelled()

    async def test_a_client_may_close_its_side_meanwhile(self, gateway, pausing):
        pausing.finish()
        await asyncio.sleep(0)

        gateway.pass_time(PAUSE_S * 1.1)

        assert (await pausing.response()).body == b"ok"

    async def test_a_timer_ends_it_by_itself(self, gateway, target, longest_pauses):
        first, second = await target(resetting), await target(OK)
        gateway.serve(first, second, upstream={"retry": {"backoff": 20}})

        assert (await gateway.ask()).body == b"ok"
        assert gateway.engine.counters.retries == {"connection lost": 1}

    async def test_a_body_that_comes_meanwhile_is_not_lost(self, gateway, target, longest_pauses):
        async def after_the_head(visit):
            await visit.head()
            visit.reset()

        scene = gateway.serve(await target(after_the_head), await target(echoing), upstream=self.RULES)
        client = await gateway.connect()
        head = a_request("/", b"Transfer-Encoding: chunked", method="PUT")
        await client.send_in_pieces(head + chunked(b"one", ended=False))
        await until(lambda: scene.state(0).failures)
        await client.send_in_pieces(chunked(b"two", ended=False), chunked(b"three"))
        await until(lambda: gateway.connections()[0].exchange.is_request_complete)

        gateway.pass_time(PAUSE_S * 1.1)

        assert (await client.response()).body == b"onetwothree"

    async def test_none_before_a_stale_connection_is_replaced(self, gateway, target, longest_pauses):
        async def after_one_answer(visit):
            await visit.request()
            await visit.send(a_response(b"ok"))
            await visit.reader.read(1)
            visit.close()

        gateway.serve(await target(after_one_answer), upstream=self.RULES)
        client = await gateway.connect()

        for _ in range(3):
            assert (await client.ask(a_request())).body == b"ok"
        assert not gateway.engine.counters.retries


class TestTotalTimeout:
    async def test_a_single_try_gets_no_more(self, gateway, target):
        mute = await target(silent)
        scene = gateway.serve(mute, upstream={"retry": {"total_timeout": 5000}})
        client = await asked(gateway)
        await until(lambda: mute.requests)
        gateway.pass_time(4)
        assert gateway.connections()[0].is_busy

        gateway.pass_time(2)

        assert (await client.response()).status == 504
        assert scene.state().failures == 1
        assert gateway.engine.problems.take() != {}

    async def test_the_second_try_gets_what_the_first_has_left(self, gateway, target):
        targets = [await target(silent) for _ in range(3)]
        rules = {"retry": {"total_timeout": 5000, "on_read_timeout": True}}
        gateway.serve(*targets, read_timeout=3000, upstream=rules)
        client = await asked(gateway)
        await until(lambda: sum(len(each.requests) for each in targets) == 1)
        gateway.pass_time(3.5)
        await until(lambda: sum(len(each.requests) for each in targets) == 2)

        gateway.pass_time(2)

        assert (await client.response()).status == 504
        assert sum(len(each.requests) for each in targets) == 2

    @pytest.mark.parametrize("method", ["GET", "PUT"])
    async def test_connecting_counts(self, gateway, mute, method):
        gateway.serve(mute, upstream={"retry": {"total_timeout": 5000}})
        client = await gateway.connect()
        *most, end = a_request(method=method, body=b"body")
        await client.send_in_pieces(bytes(most), bytes([end]))
        await until(lambda: any(pool.openings for pool in gateway.engine.pools))
        await until(lambda: gateway.connections()[0].exchange.is_request_complete)
        gateway.pass_time(4)
        assert gateway.connections()[0].is_busy

        gateway.pass_time(2)

        assert (await client.response()).status == 504

    async def test_a_target_that_takes_the_request_byte_by_byte_gets_no_more(self, make_gateway, target, monkeypatch):
        gateway = await make_gateway(replay_bytes=2**25)
        monkeypatch.setattr(UpstreamConnection, "took_some", lambda self: True)  # ever slower
        gateway.serve(await target(deaf, kernel_bytes=8192), upstream={"retry": {"total_timeout": 5000}})
        client = await gateway.connect()
        client.send(a_request(method="PUT", body=b"x" * 6_000_000))
        await until(lambda: gateway.connections() and gateway.connections()[0].is_reading_paused)
        gateway.connections()[0].exchange.upstream_resumed()
        await until(lambda: gateway.connections()[0].exchange.is_request_complete)

        gateway.pass_time(6)

        assert (await client.response()).status == 504

    async def test_no_pause_goes_beyond_it(self, gateway, target, longest_pauses):
        """Waiting for a try that could not be made any more would help nobody."""
        first, second = await target(resetting), await target(resetting)
        rules = {"retry": {"total_timeout": 5000, "backoff": 10_000, "max_backoff": 10_000}}
        gateway.serve(first, second, upstream=rules)

        assert (await gateway.ask()).status == 502
        assert len(first.requests) + len(second.requests) == 1

    async def test_an_answer_to_be_tried_again_is_passed_on_when_it_is_over(self, gateway, target, longest_pauses):
        rules = {"retry": {"total_timeout": 5000, "backoff": 10_000, "max_backoff": 10_000, "statuses": [503]}}
        gateway.serve(await target(BUSY), await target(BUSY), upstream=rules)

        assert (await gateway.ask()).body == b"busy"

    async def test_it_ends_when_an_answer_begins(self, gateway, target):
        go_on = asyncio.Event()

        async def slowly(visit):
            await visit.request()
            await visit.send(a_response(b"ha", length=4))
            await go_on.wait()
            await visit.send(b"lf")

        gateway.serve(await target(slowly), upstream={"retry": {"total_timeout": 5000}})
        client = await asked(gateway)
        await client.reader.readuntil(b"ha")

        gateway.pass_time(6)
        go_on.set()

        async with asyncio.timeout(5):
            assert await client.reader.readexactly(2) == b"lf"

    async def test_a_client_that_is_slow_to_send_uses_up_none_of_it(self, make_gateway, target):
        gateway = await make_gateway(body_idle_s=60)
        gateway.serve(await target(echoing), upstream={"retry": {"total_timeout": 5000}})
        client = await gateway.connect()
        await client.send_in_pieces(a_request("/", b"Content-Length: 6", method="PUT") + b"one")
        await until(gateway.upstream_in_use)
        gateway.pass_time(10)

        client.send(b"two")

        assert (await client.response()).body == b"onetwo"

    async def test_it_runs_anew_for_each_request(self, gateway, target):
        gateway.serve(await target(OK), upstream={"retry": {"total_timeout": 5000}})
        client = await gateway.connect()

        for _ in range(3):
            assert (await client.ask(a_request())).status == 200
            gateway.pass_time(6)


class TestWhatPassiveChecksSay:
    CHECKS = {"passive": {"unhealthy": {"timeouts": 1}}}

    @pytest.mark.parametrize(
        ("rules", "after"),
        [({"connections": {"read_timeout": 1000}}, "1 s"), ({"retry": {"total_timeout": 5000}}, "5 s")],
    )
    async def test_they_name_the_time_that_was_over(self, gateway, target, rules, after):
        flips = []
        gateway.engine.on_flip = flips.append
        mute = await target(silent)
        gateway.serve(mute, read_timeout=60_000, upstream=rules | {"healthchecks": self.CHECKS})
        client = await asked(gateway)
        await until(lambda: mute.requests)

        gateway.pass_time(6)

        assert (await client.response()).status == 504
        assert [flip.cause for flip in flips] == [f"1 of 1 timeout: timeout after {after}"]


class TestTheUpstreamsOwnTimes:
    async def test_go_before_the_services(self, gateway, target):
        mute = await target(silent)
        gateway.serve(mute, read_timeout=60_000, upstream={"connections": {"read_timeout": 1000}})
        client = await asked(gateway)
        await until(lambda: mute.requests)

        gateway.pass_time(2)

        assert (await client.response()).status == 504

    async def test_may_be_longer(self, gateway, target):
        mute = await target(silent)
        gateway.serve(mute, read_timeout=1000, upstream={"connections": {"read_timeout": 60_000}})
        await asked(gateway)
        await until(lambda: mute.requests)

        gateway.pass_time(50)

        assert gateway.connections()[0].is_busy


async def test_a_refused_connection_counts_as_such(gateway, target):
    gateway.serve(f"127.0.0.1:{free_port()}", await target(OK))

    assert (await gateway.ask()).body == b"ok"
    assert gateway.engine.counters.retries == {"connect": 1}
