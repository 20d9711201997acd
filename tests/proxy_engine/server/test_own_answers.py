"""The gateway's own answers: which lines they carry, and that they say which request they are about."""

from __future__ import annotations

import json

import pytest

from tests.proxy_engine.support.client import a_request

NONSENSE = b"NONSENSE\r\n\r\n"


async def asked(make_gateway, raw: bytes, headers: str | None = None):
    gateway = await make_gateway(env={} if headers is None else {"GATEWAY_RESPONSE_HEADERS": headers})
    gateway.load()
    client = await gateway.connect()
    client.send(raw)
    return await client.response()


@pytest.mark.parametrize("raw", [a_request("/nowhere"), NONSENSE])
async def test_the_head_and_the_body_name_the_request(make_gateway, raw):
    response = await asked(make_gateway, raw)

    assert json.loads(response.body)["request_id"].encode() == response.field(b"x-kong-request-id")
    assert response.field(b"x-request-id") is None
    assert response.field(b"server") == b"gatehouse"
    assert response.field(b"date").endswith(b" GMT")
    assert response.field(b"via") is None


async def test_each_request_has_a_name_of_its_own(gateway):
    gateway.load()
    client = await gateway.connect()
    names = {(await client.ask(a_request("/nowhere"))).field(b"x-kong-request-id") for _ in range(5)}

    assert len(names) == 5


@pytest.mark.parametrize("raw", [a_request("/nowhere"), NONSENSE])
async def test_off_leaves_the_body_and_the_date(make_gateway, raw):
    response = await asked(make_gateway, raw, "off")

    assert {name for name, _ in response.fields} == {b"content-type", b"content-length", b"connection", b"date"}
    assert len(json.loads(response.body)["request_id"]) == 32


async def test_the_latency_of_an_own_answer_has_a_field_of_its_own(make_gateway):
    response = await asked(make_gateway, a_request("/nowhere"), "latency_tokens")

    assert response.field(b"x-kong-response-latency").isdigit()
    assert response.field(b"x-kong-proxy-latency") is None
