"""One target fails: whether the client notices, and what it is told when it must."""

from __future__ import annotations

import asyncio

import pytest

from proxy_engine.sources import HealthFact
from tests.proxy_engine.support.client import a_request, chunked
from tests.proxy_engine.support.targets import CHUNKED_HEAD, a_response, answering, echoing, resetting, silent
from tests.proxy_engine.support.waiting import until
from tests.support.ports import free_port

OK = answering(a_response(b"ok"))


@pytest.fixture
def nobody() -> str:
    """An address that refuses connections."""
    return f"127.0.0.1:{free_port()}"


async def after_one_answer(visit):
    """Answers once, then closes the connection as soon as it is used again."""
    await visit.request()
    await visit.send(a_response(b"ok"))
    await visit.reader.read(1)
    visit.close()


async def answering_half_a_head(visit):
    await visit.request()
    await visit.send(b"HTTP/1.1 200 OK\r\nContent-")
    visit.close()


async def talking_nonsense(visit):
    await visit.request()
    await visit.send(b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n")


class TestConnectionRefused:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_the_other_target_answers(self, gateway, target, nobody, method):
        scene = gateway.serve(nobody, await target(OK))

        for _ in range(4):
            assert (await gateway.ask(method=method, body=b"x")).body == b"ok"
        assert scene.state(0).failures > 0
        assert scene.state(1).failures == 0

    async def test_it_is_502_when_there_is_no_other(self, gateway, nobody):
        scene = gateway.serve(nobody)

        response = await gateway.ask()

        assert response.status == 502
        assert scene.state().active == 0
        assert scene.state().failures == 1

    async def test_it_is_tried_no_more_often_than_retries_say(self, gateway, target, nobody):
        scene = gateway.serve(nobody, f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}", retries=1)

        assert (await gateway.ask()).status == 502
        assert sum(scene.state(n).failures for n in range(3)) == 2

    async def test_without_retries_the_first_failure_is_final(self, gateway, target, nobody):
        gateway.serve(nobody, await target(OK), retries=0)

        assert sorted([(await gateway.ask()).status for _ in range(2)]) == [200, 502]

    async def test_the_connection_goes_on(self, gateway, nobody):
        gateway.serve(nobody)
        client = await gateway.connect()

        for _ in range(3):
            response = await client.ask(a_request("/", b"X-Same: request"))
            assert (response.status, response.field(b"connection")) == (502, b"keep-alive")

    async def test_a_body_that_came_meanwhile_is_not_lost(self, gateway, target, nobody):
        gateway.serve(nobody, nobody.replace("127.0.0.1", "127.0.0.2"), await target(echoing))
        client = await gateway.connect()

        for _ in range(3):
            await client.send_in_pieces(a_request("/", b"Transfer-Encoding: chunked", method="POST"), chunked(b"body"))
            assert (await client.response("POST")).body == b"body"


class TestNoTarget:
    async def test_none_configured_is_503(self, gateway):
        gateway.serve()
        assert (await gateway.ask()).status == 503

    async def test_none_ready_is_503(self, gateway, target):
        scene = gateway.serve(await target(OK))
        gateway.engine.set_health([HealthFact(scene.targets[0]["id"], False, "manual", 0.0)])
        assert (await gateway.ask()).status == 503

        gateway.engine.set_health([HealthFact(scene.targets[0]["id"], True, "manual", 0.0)])
        assert (await gateway.ask()).status == 200

    async def test_one_that_is_not_ready_is_passed_over(self, gateway, target):
        first, second = await target(OK), await target(OK)
        scene = gateway.serve(first, second)
        gateway.engine.set_health([HealthFact(scene.targets[0]["id"], False, "manual", 0.0)])

        for _ in range(4):
            await gateway.ask()

        assert (len(first.requests), len(second.requests)) == (0, 4)

    async def test_a_name_that_does_not_exist_is_503(self, gateway):
        gateway.serve(host="does-not-exist.invalid")

        assert (await gateway.ask()).status == 503


class TestConnectTimeout:
    async def test_the_other_target_answers(self, gateway, target, mute):
        gateway.serve(mute, await target(OK), connect_timeout=1000)
        client = await gateway.connect()
        client.send(a_request())
        await until(lambda: any(pool.openings for pool in gateway.engine.pools))
        gateway.pass_time(2)

        assert (await client.response()).body == b"ok"

    async def test_it_is_504_when_there_is_no_other(self, gateway, mute):
        gateway.serve(mute, connect_timeout=1000)
        client = await gateway.connect()
        client.send(a_request())
        await until(lambda: any(pool.openings for pool in gateway.engine.pools))
        gateway.pass_time(0.5)
        assert gateway.connections()[0].is_busy

        gateway.pass_time(1)

        assert (await client.response()).status == 504
        await until(lambda: not any(pool.openings for pool in gateway.engine.pools))

    async def test_a_client_that_leaves_meanwhile_ends_the_attempt(self, gateway, mute):
        scene = gateway.serve(mute)
        client = await gateway.connect()
        client.send(a_request())
        await until(lambda: scene.state().active == 1)

        client.reset()

        await until(gateway.is_at_rest)
        assert scene.state().failures == 0


class TestResetAfterTheRequest:
    async def test_a_get_goes_to_the_other_target(self, gateway, target):
        gateway.serve(await target(resetting), await target(OK))

        for _ in range(4):
            assert (await gateway.ask()).body == b"ok"

    async def test_a_post_is_not_sent_twice(self, gateway, target):
        first, second = await target(resetting), await target(OK)
        gateway.serve(first, second)

        statuses = sorted([(await gateway.ask(method="POST", body=b"order")).status for _ in range(2)])

        assert statuses == [200, 502]
        assert (len(first.requests), len(second.requests)) == (1, 1)

    @pytest.mark.parametrize("script", [answering_half_a_head, talking_nonsense])
    async def test_an_answer_that_is_none_counts_the_same(self, gateway, target, script):
        gateway.serve(await target(script), await target(OK))

        for _ in range(4):
            assert (await gateway.ask()).body == b"ok"

    async def test_a_put_with_a_body_at_hand_is_sent_again_in_full(self, gateway, target):
        gateway.serve(await target(resetting), await target(echoing))
        body = b"0123456789" * 1000

        for _ in range(2):
            assert (await gateway.ask(method="PUT", body=body)).body == body

    async def test_a_put_too_long_to_keep_is_not(self, make_gateway, target):
        async def after_a_part(visit):
            await visit.head()
            await visit.reader.readexactly(10_000)
            visit.reset()

        gateway = await make_gateway(replay_bytes=5000)
        gateway.serve(await target(after_a_part), await target(after_a_part))

        assert (await gateway.ask(method="PUT", body=b"x" * 1_000_000)).status == 502

    async def test_a_chunked_body_is_sent_again_in_full(self, gateway, target):
        async def after_the_head(visit):
            await visit.head()
            visit.reset()

        gateway.serve(await target(after_the_head), await target(echoing))
        client = await gateway.connect()
        head = a_request("/", b"Transfer-Encoding: chunked", method="PUT")

        for _ in range(2):
            await client.send_in_pieces(head + chunked(b"one", ended=False), chunked(b"two", ended=False))
            await client.send_in_pieces(chunked(b"three"))
            assert (await client.response()).body == b"onetwothree"


class TestAStalePooledConnection:
    async def test_a_get_is_sent_again_to_the_same_target_and_not_counted(self, gateway, target):
        scene = gateway.serve(await target(after_one_answer))
        client = await gateway.connect()

        for _ in range(5):
            assert (await client.ask(a_request())).body == b"ok"
        assert scene.state().failures == 0
        assert gateway.engine.counters.failed_attempts == 0

    async def test_a_post_is_not_sent_again(self, gateway, target):
        origin = await target(after_one_answer)
        scene = gateway.serve(origin)
        client = await gateway.connect()
        await client.ask(a_request())

        response = await client.ask(a_request(method="POST", body=b"x"))

        assert response.status == 502
        assert scene.state().failures == 1

    async def test_one_closed_while_idle_is_not_used(self, gateway, target):
        async def once(visit):
            await visit.request()
            await visit.send(a_response(b"ok"))
            visit.close()

        origin = await target(once)
        gateway.serve(origin)
        client = await gateway.connect()

        for _ in range(5):
            assert (await client.ask(a_request(method="POST", body=b"x"))).body == b"ok"
            await until(lambda: not any(pool.connections for pool in gateway.engine.pools))
        assert len(origin.visits) == 5

    async def test_the_new_connection_may_be_refused(self, gateway, target):
        async def once_and_no_more(visit):
            await visit.request()
            await visit.send(a_response(b"ok"))
            await visit.reader.read(1)
            visit.target.refuse()
            visit.reset()

        scene = gateway.serve(await target(once_and_no_more))
        client = await gateway.connect()
        await client.ask(a_request())

        assert (await client.ask(a_request())).status == 502
        assert scene.state().failures == 1

    async def test_a_connection_that_died_with_an_early_answer_is_no_stale_one(self, gateway, target):
        """1xx is an answer: the target had the request."""

        async def after_an_interim(visit):
            await visit.request()
            await visit.send(a_response(b"ok"))
            await visit.request()
            await visit.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            visit.close()

        scene = gateway.serve(await target(after_an_interim))
        client = await gateway.connect()
        await client.ask(a_request())

        assert (await client.ask(a_request())).status == 502
        assert scene.state().failures == 1


class TestReadTimeout:
    async def test_it_is_504_and_not_tried_again(self, gateway, target):
        first, second = await target(silent), await target(silent)
        scene = gateway.serve(first, second, read_timeout=1000)
        client = await gateway.connect()
        client.send(a_request())
        await until(lambda: first.requests or second.requests)
        gateway.pass_time(0.8)
        assert gateway.connections()[0].is_busy

        gateway.pass_time(1)

        assert (await client.response()).status == 504
        assert len(first.requests) + len(second.requests) == 1
        assert scene.state(0).failures + scene.state(1).failures == 1

    async def test_the_silent_connection_is_not_used_again(self, gateway, target):
        async def too_late(visit):
            await visit.request()
            await visit.gone()

        origin = await target(too_late)
        gateway.serve(origin, read_timeout=1000)
        client = await gateway.connect()
        client.send(a_request("/secret"))
        await until(lambda: origin.requests)
        gateway.pass_time(2)
        assert (await client.response()).status == 504
        origin.script = OK

        assert (await client.ask(a_request("/other"))).body == b"ok"
        assert len(origin.visits) == 2

    async def test_each_byte_of_the_response_starts_it_anew(self, gateway, target):
        go_on = asyncio.Event()

        async def in_parts(visit):
            await visit.request()
            await visit.send(a_response(b"on", length=6))
            for part in (b"e-", b"tw"):
                await go_on.wait()
                go_on.clear()
                await visit.send(part)

        gateway.serve(await target(in_parts), read_timeout=1000)
        client = await gateway.connect()
        client.send(a_request())
        await client.reader.readuntil(b"\r\n\r\non")
        for part in (b"e-", b"tw"):
            gateway.pass_time(0.8)
            go_on.set()
            assert await client.reader.readexactly(2) == part


async def test_a_response_that_began_is_not_tried_again_but_cut(gateway, target):
    async def dying_under_way(visit):
        await visit.request()
        await visit.send(CHUNKED_HEAD + b"3\r\nabc\r\n")
        visit.close()

    first, second = await target(dying_under_way), await target(dying_under_way)
    gateway.serve(first, second)
    client = await gateway.connect()
    client.send(a_request())

    with pytest.raises(ConnectionResetError):
        await client.reader.read(-1)
    assert len(first.requests) + len(second.requests) == 1
    assert gateway.engine.counters.cut_responses == 1


async def test_failures_are_noted_once_with_their_count(gateway, nobody):
    gateway.serve(nobody)
    for _ in range(3):
        await gateway.ask()

    assert gateway.engine.problems.take() == [f"{nobody}: connect: connection refused (3 times)"]
