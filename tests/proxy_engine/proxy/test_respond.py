"""The lines that the gateway adds to a target's response, and to its own: Kong's, by setting."""

from __future__ import annotations

import re

import pytest

from tests.proxy_engine.support.client import a_request
from tests.proxy_engine.support.targets import a_response, answering

DATE = b"Date: Sat, 21 Nov 2026 12:00:00 GMT"
ID = re.compile(rb"[0-9a-f]{32}")


async def answered(make_gateway, target, headers: str | None, *fields: bytes, **request):
    env = {} if headers is None else {"GATEWAY_RESPONSE_HEADERS": headers}
    gateway = await make_gateway(env=env)
    gateway.serve(await target(answering(a_response(b"ok", *fields))))
    return await gateway.ask("/", **request)


def names(response) -> set[bytes]:
    return {name for name, _ in response.fields}


async def test_by_default_the_request_is_named_and_so_is_the_gateway(make_gateway, target):
    response = await answered(make_gateway, target, None, DATE)

    assert ID.fullmatch(response.field(b"x-kong-request-id"))
    assert response.field(b"via") == b"1.1 gatehouse"
    assert response.field(b"server") == b"gatehouse"
    assert names(response) == {b"date", b"content-length", b"via", b"server", b"x-kong-request-id"}


async def test_the_target_gets_the_same_name_and_never_the_clients(gateway, target):
    origin = await target(answering(a_response(b"ok", DATE)))
    gateway.serve(origin)
    client = await gateway.connect()
    given = [(await client.ask(a_request("/"))).field(b"x-kong-request-id") for _ in range(3)]
    given.append((await client.ask(a_request("/", b"X-Kong-Request-Id: mine"))).field(b"x-kong-request-id"))

    got = [re.findall(rb"\r\nX-Kong-Request-Id: (.*)\r\n", request.head) for request in origin.requests]
    assert got == [[each] for each in given]
    assert len(set(given)) == 4


@pytest.mark.parametrize("request_", [{"version": "1.0"}, {"method": "HEAD"}, {"method": "POST", "body": b"x"}, {}])
async def test_whatever_the_request(make_gateway, target, request_):
    response = await answered(make_gateway, target, None, DATE, **request_)

    assert ID.fullmatch(response.field(b"x-kong-request-id"))


async def test_off_adds_nothing_and_leaves_what_the_target_sent(make_gateway, target):
    response = await answered(make_gateway, target, "off", DATE, b"X-Kong-Request-Id: inner", b"Via: 1.1 cache")

    assert response.field(b"x-kong-request-id") == b"inner"
    assert response.field(b"via") == b"1.1 cache"
    assert names(response) == {b"date", b"content-length", b"via", b"x-kong-request-id"}


async def test_the_targets_own_are_replaced_where_the_gateway_says_the_same(make_gateway, target):
    response = await answered(
        make_gateway, target, "X-Kong-Request-Id, latency_tokens", DATE, b"X-Kong-Request-Id: inner",
        b"X-Kong-Proxy-Latency: 77777", b"X-Kong-Upstream-Status: 299",
    )  # fmt: skip

    assert ID.fullmatch(response.field(b"x-kong-request-id"))
    assert int(response.field(b"x-kong-proxy-latency")) < 77777
    assert response.field(b"x-kong-upstream-status") == b"299"


async def test_latencies_and_the_targets_status(make_gateway, target):
    response = await answered(make_gateway, target, "latency_tokens,x-kong-upstream-status", DATE)

    assert response.field(b"x-kong-proxy-latency").isdigit()
    assert int(response.field(b"x-kong-upstream-latency")) < 20_000
    assert response.field(b"x-kong-upstream-status") == b"200"
    assert b"x-kong-request-id" not in names(response)
    assert b"x-kong-response-latency" not in names(response)


@pytest.mark.parametrize("spelling", [b"Server", b"server", b"SERVER"])
async def test_a_targets_server_and_date_stay(make_gateway, target, spelling):
    response = await answered(make_gateway, target, None, spelling + b": nginx", DATE.replace(b"Date", b"dAtE"))

    assert [value for name, value in response.fields if name == b"server"] == [b"nginx"]
    assert [value for name, value in response.fields if name == b"date"] == [DATE[6:]]


async def test_a_response_without_a_date_gets_that_of_its_arrival(gateway, target):
    """RFC 9110 §6.6.1; it must not be remembered with the head."""
    gateway.serve(await target(answering(a_response(b"ok", b"X: no Date: here"))))
    now = [784111777.5]
    gateway.engine.response_lines.date._clock = lambda: now[0]
    client = await gateway.connect()
    first = await client.ask(a_request())
    now[0] += 1
    second = await client.ask(a_request())

    assert [each.field(b"date") for each in (first, second)] == [
        b"Sun, 06 Nov 1994 08:49:37 GMT",
        b"Sun, 06 Nov 1994 08:49:38 GMT",
    ]
