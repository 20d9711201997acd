"""A request with a body whose head comes again: what is remembered is the head, never where it ends."""

from __future__ import annotations

import pytest

from tests.proxy_engine.support.client import a_request
from tests.proxy_engine.support.targets import a_response

from .test_requests import naming

POST = a_request("/post", method="POST", body=b"12345")
HEAD_SIZE = POST.index(b"\r\n\r\n") + 4


def with_body(body: bytes) -> bytes:
    return POST[:HEAD_SIZE] + body


@pytest.fixture
async def origin(target):
    return await target(naming)


@pytest.fixture
async def client(gateway, origin):
    gateway.serve(origin)
    client = await gateway.connect()
    assert (await client.ask(POST)).body == b"POST /post 12345"
    return client


async def test_each_has_its_own_body(client):
    for body in (b"abcde", b"12345", b"\r\n\r\nG", b"POST "):
        assert (await client.ask(with_body(body))).body == b"POST /post " + body


async def test_the_head_alone_is_no_request_yet(client, origin):
    await client.send_in_pieces(with_body(b""), b"ab", b"cde")
    assert (await client.response()).body == b"POST /post abcde"
    assert len(origin.requests) == 2


async def test_it_may_be_split_anywhere(client):
    request = with_body(b"abcde")
    for at in range(1, len(request)):
        await client.send_in_pieces(request[:at], request[at:])
        assert (await client.response()).body == b"POST /post abcde"


async def test_what_follows_the_body_is_the_next_request(client):
    client.send(with_body(b"abcde") + with_body(b"fghij") + a_request("/get"))
    bodies = [(await client.response()).body for _ in range(3)]
    assert bodies == [b"POST /post abcde", b"POST /post fghij", b"GET /get "]
    assert (await client.ask(POST)).body == b"POST /post 12345"


async def test_another_length_is_another_head(client):
    shorter = POST.replace(b"Content-Length: 5", b"Content-Length: 3")
    assert (await client.ask(shorter[: HEAD_SIZE + 3])).body == b"POST /post 123"
    # As long as the remembered one, with a body that is not: the surplus is a request of its own, and no good one.
    assert (await client.ask(shorter)).body == b"POST /post 123"
    assert (await client.ask(b"\r\n\r\n")).status == 400


async def test_a_request_of_equal_size_is_not_taken_for_it(client):
    other = POST.replace(b"/post", b"/past")
    assert len(other) == len(POST)
    assert (await client.ask(other)).body == b"POST /past 12345"
    assert (await client.ask(a_request("/get"))).body == b"GET /get "
    assert (await client.ask(POST)).body == b"POST /post 12345"


async def test_a_body_like_the_remembered_head_is_a_body(client):
    await client.ask(a_request("/other", method="POST", body=POST))
    again = a_request("/other", method="POST", body=POST)
    await client.send_in_pieces(again[: -len(POST)], POST)
    assert (await client.response()).body == b"POST /other " + POST


async def test_expecting_clients_are_told_to_go_on_each_time(client):
    head = a_request("/post", b"Expect: 100-continue", b"Content-Length: 5", method="POST")
    for _ in range(2):
        assert (await client.ask(head + b"abcde")).body == b"POST /post abcde"
        client.send(head)
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await client.ask(b"fghij")).body == b"POST /post fghij"


async def test_http10_keeps_its_manners(gateway, client):
    head = b"POST /post HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n"
    for body in (b"abcde", b"fghij"):
        response = await client.ask(head + body)
        assert (response.body, response.field(b"connection")) == (b"POST /post " + body, b"keep-alive")


async def test_an_edit_between_two_of_them_counts(gateway, client, target):
    other = await target(naming)
    gateway.serve(other)
    assert (await client.ask(POST)).body == b"POST /post 12345"
    assert len(other.requests) == 1


async def test_a_body_is_at_hand_for_another_try(gateway, target):
    async def closing_after_one(visit):
        await visit.request()
        await visit.send(a_response(b"first"))
        await visit.head()
        visit.close()

    put = a_request("/put", method="PUT", body=b"12345")
    origin = await target(closing_after_one)
    gateway.serve(origin)
    client = await gateway.connect()
    assert (await client.ask(put)).body == b"first"
    assert (await client.ask(put)).body == b"first"
    assert [received.body for received in origin.requests][-1] == b"12345"
