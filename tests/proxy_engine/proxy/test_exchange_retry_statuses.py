"""An answer whose status the upstream lists: another target is asked instead, if there is one.

Rotation begins with the first target; further tries take nobody's turn.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.proxy_engine.support.client import a_request, chunked
from tests.proxy_engine.support.targets import CHUNKED_HEAD, a_response, answering, echoing
from tests.proxy_engine.support.waiting import until
from tests.support.ports import free_port

OK = answering(a_response(b"ok"))
BUSY_ANSWER = a_response(b"busy", status=b"503 Service Unavailable")
BUSY = answering(BUSY_ANSWER)
RETRY_503 = {"retry": {"statuses": [502, 503]}}


async def busy_without_end(visit):
    """A long answer, of which only the beginning comes."""
    await visit.request()
    await visit.send(a_response(b"busy", status=b"503 Service Unavailable", length=1_000_000))
    await visit.gone()


async def busy_in_chunks(visit):
    await visit.request()
    head = CHUNKED_HEAD.replace(b"200 OK", b"503 Service Unavailable")
    await visit.send(head + chunked(b"bu", ended=False))
    await visit.gone()


async def busy_until_close(visit):
    await visit.request()
    await visit.send(b"HTTP/1.1 503 Service Unavailable\r\n\r\nbusy")
    await visit.gone()


async def lying_about_its_length(visit):
    """More than it says: the connection cannot be trusted any more."""
    await visit.request()
    await visit.send(BUSY_ANSWER + b"surplus")
    await visit.gone()


class TestAnotherTargetIsAsked:
    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
    async def test_for_an_idempotent_method(self, gateway, target, method):
        scene = gateway.serve(await target(BUSY), await target(OK), upstream=RETRY_503)
        body = b"x" if method == "PUT" else None

        for _ in range(4):
            assert (await gateway.ask(method=method, body=body)).status == 200
        assert gateway.engine.counters.retries["status"] == scene.state(0).requests > 0
        assert gateway.engine.counters.failed_attempts == 0

    async def test_the_body_is_sent_again_in_full(self, gateway, target):
        gateway.serve(await target(BUSY), await target(echoing), upstream=RETRY_503)

        for _ in range(2):
            assert (await gateway.ask(method="PUT", body=b"0123456789")).body == b"0123456789"

    async def test_over_all_targets_until_one_can(self, gateway, target):
        busy = [await target(BUSY) for _ in range(3)]
        gateway.serve(*busy, await target(OK), upstream=RETRY_503)

        for _ in range(4):
            assert (await gateway.ask()).body == b"ok"

    async def test_the_client_gets_nothing_of_the_answer_that_was_dropped(self, gateway, target):
        busy = answering(a_response(b"busy", b"X-From: busy", status=b"503 Service Unavailable"))
        gateway.serve(await target(busy), await target(OK), upstream=RETRY_503)
        client = await gateway.connect()

        for _ in range(4):
            response = await client.ask(a_request())
            assert (response.status, response.body, response.field(b"x-from")) == (200, b"ok", None)

    async def test_an_early_answer_to_half_a_body(self, gateway, target):
        async def early(visit):
            await visit.head()
            await visit.send(BUSY_ANSWER)
            await visit.gone()

        gateway.serve(await target(early), await target(echoing), upstream=RETRY_503)
        head = a_request("/", b"Transfer-Encoding: chunked", method="PUT")

        client = await gateway.connect()
        await client.send_in_pieces(head + chunked(b"one", ended=False))
        await until(lambda: gateway.engine.counters.retries["status"])
        await client.send_in_pieces(chunked(b"two"))

        assert (await client.response()).body == b"onetwo"


class TestTheClientGetsTheAnswerItself:
    async def asked(self, gateway, **request):
        return [(await gateway.ask(**request)).body for _ in range(2)]

    async def test_without_rules(self, gateway, target):
        gateway.serve(await target(BUSY), await target(OK))

        assert sorted(await self.asked(gateway)) == [b"busy", b"ok"]

    async def test_for_a_status_that_is_not_listed(self, gateway, target):
        gateway.serve(await target(BUSY), await target(OK), upstream={"retry": {"statuses": [502]}})

        assert sorted(await self.asked(gateway)) == [b"busy", b"ok"]

    @pytest.mark.parametrize("method", ["POST", "PATCH"])
    async def test_for_a_method_that_is_not_idempotent(self, gateway, target, method):
        first, second = await target(BUSY), await target(OK)
        gateway.serve(first, second, upstream=RETRY_503)

        assert sorted(await self.asked(gateway, method=method, body=b"order")) == [b"busy", b"ok"]
        assert (len(first.requests), len(second.requests)) == (1, 1)

    async def test_without_retries(self, gateway, target):
        gateway.serve(await target(BUSY), await target(OK), retries=0, upstream=RETRY_503)

        assert sorted(await self.asked(gateway)) == [b"busy", b"ok"]

    async def test_when_there_is_no_other_target(self, gateway, target):
        only = await target(BUSY)
        gateway.serve(only, upstream=RETRY_503)

        response = await gateway.ask()

        assert (response.status, response.body) == (503, b"busy")
        assert len(only.requests) == 1
        assert not gateway.engine.counters.own_answers

    async def test_when_all_say_so_it_is_the_last_ones(self, gateway, target):
        targets = [await target(answering(a_response(b"%d" % n, status=b"503 Service Unavailable"))) for n in range(3)]
        gateway.serve(*targets, upstream=RETRY_503)

        response = await gateway.ask()

        assert response.status == 503
        assert [len(each.requests) for each in targets] == [1, 1, 1]
        assert not gateway.engine.counters.own_answers

    async def test_when_the_body_is_too_long_to_be_kept(self, make_gateway, target):
        gateway = await make_gateway(replay_bytes=1000)
        gateway.serve(await target(BUSY), await target(BUSY), upstream=RETRY_503)
        client = await gateway.connect()
        head = a_request("/", b"Content-Length: 5000", method="PUT")

        await client.send_in_pieces(head + b"x" * 2500, b"x" * 2500)

        assert (await client.response()).body == b"busy"

    async def test_in_full_when_it_is_long(self, gateway, target):
        body = b"busy" * 100_000
        gateway.serve(await target(answering(a_response(body, status=b"503 Busy"))), upstream=RETRY_503)

        assert (await gateway.ask()).body == body


class TestAFailureAfterAnAnswerWasDropped:
    async def test_it_is_that_failures_answer(self, gateway, target):
        nobody = f"127.0.0.1:{free_port()}"
        gateway.serve(await target(BUSY), nobody, retries=1, upstream=RETRY_503)

        assert (await gateway.ask()).status == 502


class TestTheConnection:
    async def test_a_whole_answer_leaves_it_to_the_next_request(self, gateway, target):
        busy = await target(BUSY)
        gateway.serve(busy, await target(OK), upstream=RETRY_503)

        for _ in range(6):
            await gateway.ask()

        assert len(busy.requests) == 3
        assert len(busy.visits) == 1

    @pytest.mark.parametrize("script", [busy_without_end, busy_in_chunks, busy_until_close, lying_about_its_length])
    async def test_anything_else_closes_it(self, gateway, target, script):
        busy = await target(script)
        gateway.serve(busy, await target(OK), upstream=RETRY_503)

        for _ in range(4):
            assert (await gateway.ask()).body == b"ok"

        await until(lambda: all(visit.is_over for visit in busy.visits))
        assert len(busy.visits) == len(busy.requests) == 2


class TestWhatIsKeptOfIt:
    async def test_passive_checks_hear_of_it(self, gateway, target):
        checks = {"passive": {"unhealthy": {"http_failures": 2, "http_statuses": [503]}}}
        scene = gateway.serve(await target(BUSY), await target(OK), upstream=RETRY_503 | {"healthchecks": checks})

        for _ in range(4):
            assert (await gateway.ask()).status == 200

        assert not scene.state(0).healthy
        assert scene.state(0).requests == 2
        assert scene.state(1).healthy

    async def test_its_time_is_observed(self, gateway, target):
        scene = gateway.serve(await target(BUSY), await target(OK), upstream=RETRY_503 | {"algorithm": "latency"})

        await gateway.ask()

        assert scene.state(0).latency is not None

    async def test_the_target_is_free_while_another_one_answers(self, gateway, target):
        go_on = asyncio.Event()

        async def on_its_word(visit):
            await visit.request()
            await go_on.wait()
            await visit.send(a_response(b"ok"))

        scene = gateway.serve(await target(BUSY), await target(on_its_word), retries=1, upstream=RETRY_503)
        client = await gateway.connect()
        client.send(a_request())
        await until(lambda: scene.state(1).active)

        assert (scene.state(0).active, scene.state(1).active) == (0, 1)
        go_on.set()
        assert (await client.response()).body == b"ok"
