"""Bodies that are longer than the limit: 413, and as little as possible done before."""

from __future__ import annotations

import pytest

from tests.proxy_engine.support.client import Cut, RawClient, a_request, chunked
from tests.proxy_engine.support.targets import CHUNKED_HEAD, a_response, echoing, silent
from tests.proxy_engine.support.waiting import until

MOST = 1000
CHUNKED = b"Transfer-Encoding: chunked"


@pytest.fixture
async def gateway(make_gateway):
    return await make_gateway(env={"GATEWAY_LIMIT_BODY_BYTES": str(MOST)})


async def refused(client: RawClient) -> int:
    response = await client.response()
    assert response.field(b"connection") == b"close"
    assert not response.interim
    client.finish()
    assert await client.rest() == b""
    return response.status


class TestWithALength:
    async def test_as_many_bytes_pass(self, gateway, target):
        gateway.serve(await target(echoing))

        assert (await gateway.ask("/", method="POST", body=b"x" * MOST)).body == b"x" * MOST

    @pytest.mark.parametrize("fields", [(), (b"Expect: 100-continue",)])
    @pytest.mark.parametrize("length", [MOST + 1, 10**17, 10**18 - 1])
    async def test_more_are_refused_before_anything_is_done(self, gateway, target, fields, length):
        origin = await target(silent)
        gateway.serve(origin)
        client = await gateway.connect()
        client.send(a_request("/", b"Content-Length: %d" % length, *fields, method="POST"))

        assert await refused(client) == 413
        assert not origin.visits

    async def test_also_when_all_of_it_is_here(self, gateway, target):
        origin = await target(silent)
        gateway.serve(origin)
        client = await gateway.connect()
        client.send(a_request(method="POST", body=b"x" * (MOST + 1)) + a_request("/smuggled"))

        assert await refused(client) == 413
        assert not origin.visits

    async def test_the_answer_is_not_destroyed_by_what_the_client_sends_on(self, gateway, target):
        gateway.serve(await target(silent))
        client = await gateway.connect()
        client.send(a_request(method="POST", body=b"x" * 5_000_000))

        assert await refused(client) == 413

    async def test_behind_a_request_that_was_fine(self, gateway, target):
        gateway.serve(await target(echoing))
        client = await gateway.connect()
        client.send(a_request(method="POST", body=b"fine") + a_request(method="POST", body=b"x" * (MOST + 1)))

        assert (await client.response()).body == b"fine"
        assert await refused(client) == 413

    async def test_without_a_limit_anything_passes(self, make_gateway, target):
        gateway = await make_gateway(env={"GATEWAY_LIMIT_BODY_BYTES": "0"})
        gateway.serve(await target(echoing))
        body = b"x" * 11_000_000  # more than the default

        assert (await gateway.ask("/", method="POST", body=body)).body == body


class TestInChunks:
    async def test_as_many_bytes_pass(self, gateway, target):
        gateway.serve(await target(echoing))
        client = await gateway.connect()
        client.send(a_request("/", CHUNKED, method="POST") + chunked(b"x" * (MOST - 10), b"y" * 10))

        assert len((await client.response()).body) == MOST

    async def test_more_at_once_reach_no_target(self, gateway, target):
        origin = await target(silent)
        gateway.serve(origin)
        client = await gateway.connect()
        client.send(a_request("/", CHUNKED, method="POST") + chunked(b"x" * (MOST + 1)))

        assert await refused(client) == 413
        assert not origin.visits

    async def test_as_they_grow_the_call_to_the_target_is_given_up(self, gateway, target):
        origin = await target(silent)
        scene = gateway.serve(origin)
        client = await gateway.connect()
        client.send(a_request("/", CHUNKED, method="POST") + chunked(b"x" * MOST, ended=False))
        await until(gateway.upstream_in_use)

        client.send(chunked(b"y"))

        assert await refused(client) == 413
        await until(lambda: origin.visits[0].is_over)
        assert not origin.requests
        assert (scene.state().active, scene.state().failures) == (0, 0)

    async def test_split_at_every_byte(self, gateway, target):
        gateway.serve(await target(silent))
        body = chunked(b"x" * (MOST - 2), b"abc")
        for at in range(len(body) - 20, len(body) - 9):
            client = await gateway.connect()
            await client.send_in_pieces(a_request("/", CHUNKED, method="POST") + body[:at], body[at:])
            assert await refused(client) == 413

    async def test_with_an_answer_under_way_it_can_only_be_cut(self, gateway, target):
        async def early(visit):
            await visit.head()
            await visit.send(CHUNKED_HEAD + chunked(b"early", ended=False))
            await visit.gone()

        gateway.serve(await target(early))
        client = await gateway.connect()
        client.send(a_request("/", CHUNKED, method="POST") + chunked(b"x", ended=False))
        await client.reader.readuntil(b"early\r\n")

        client.send(chunked(b"y" * MOST))

        with pytest.raises(Cut):
            await client.rest()

    async def test_each_request_has_its_own_count(self, gateway, target):
        gateway.serve(await target(counting))
        client = await gateway.connect()
        for _ in range(3):
            response = await client.ask(a_request("/", CHUNKED, method="POST") + chunked(b"x" * 600))
            assert response.body == b"600"


async def counting(visit):
    while True:
        received = await visit.request()
        await visit.send(a_response(b"%d" % len(received.body)))
