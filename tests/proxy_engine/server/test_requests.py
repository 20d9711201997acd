"""Requests of one connection: one after the other, the same again, several at once, in any pieces."""

from __future__ import annotations

import pytest

from tests.proxy_engine.support.client import a_request, chunked
from tests.proxy_engine.support.targets import a_response, answering, echoing, silent
from tests.proxy_engine.support.waiting import until


async def naming(visit):
    """Answers with the method, the path and the body of the request."""
    while True:
        received = await visit.request()
        method, path, _ = received.line.split(b" ")
        await visit.send(a_response(b"" if method == b"HEAD" else b" ".join((method, path, received.body))))


@pytest.fixture
async def client(gateway, target):
    gateway.serve(await target(naming))
    return await gateway.connect()


async def test_a_request_reaches_the_target_and_the_answer_the_client(gateway, target):
    origin = await target(answering(a_response(b"hello", b"X-From: origin")))
    gateway.serve(origin)

    response = await gateway.ask("/some/path?q=1")

    assert (response.status, response.body, response.field(b"x-from")) == (200, b"hello", b"origin")
    assert origin.requests[0].line == b"GET /some/path?q=1 HTTP/1.1"


async def test_a_connection_serves_many_requests_over_one_target_connection(gateway, target):
    origin = await target(naming)
    gateway.serve(origin)
    client = await gateway.connect()

    for n in range(5):
        assert (await client.ask(a_request(f"/{n}"))).body == b"GET /%d " % n
    assert len(origin.visits) == 1


async def test_a_head_may_come_split_at_any_byte(client):
    request = a_request("/here", b"X-Field: value")

    for at in range(1, len(request)):
        await client.send_in_pieces(request[:at], request[at:])
        assert (await client.response()).body == b"GET /here "


async def test_a_head_may_come_byte_by_byte(client):
    request = a_request("/here")

    await client.send_in_pieces(*(request[n : n + 1] for n in range(len(request))))

    assert (await client.response()).body == b"GET /here "


async def test_one_empty_line_before_a_request_is_forgiven(client):
    for pieces in ([b"\r\n" + a_request("/a")], [b"\r\n", a_request("/a")], [b"\r", b"\n" + a_request("/a")]):
        await client.send_in_pieces(*pieces)
        assert (await client.response()).body == b"GET /a "


class TestTheSameRequestAgain:
    async def test_it_is_answered_again(self, client):
        for _ in range(3):
            assert (await client.ask(a_request("/same"))).body == b"GET /same "

    async def test_after_a_request_with_a_body(self, client):
        await client.ask(a_request("/same"))
        await client.ask(a_request("/other", method="POST", body=b"body"))

        assert (await client.ask(a_request("/same"))).body == b"GET /same "

    async def test_after_a_chunked_request(self, client):
        await client.ask(a_request("/same"))
        await client.ask(a_request("/other", b"Transfer-Encoding: chunked", method="POST") + chunked(b"x"))

        assert (await client.ask(a_request("/same"))).body == b"GET /same "

    async def test_after_a_split_request(self, client):
        await client.ask(a_request("/same"))
        await client.send_in_pieces(a_request("/oth"), b"")
        assert (await client.response()).body == b"GET /oth "

        assert (await client.ask(a_request("/same"))).body == b"GET /same "

    async def test_after_two_pipelined_requests(self, client):
        await client.ask(a_request("/same"))
        client.send(a_request("/b") + a_request("/c"))
        assert [(await client.response()).body for _ in range(2)] == [b"GET /b ", b"GET /c "]

        assert (await client.ask(a_request("/same"))).body == b"GET /same "

    async def test_as_the_body_of_another_request(self, client):
        same = a_request("/same")
        await client.ask(same)

        await client.send_in_pieces(a_request("/post", b"Content-Length: %d" % len(same), method="POST"), same)

        assert (await client.response("POST")).body == b"POST /post " + same

    async def test_as_the_rest_of_an_unfinished_head(self, client):
        same = a_request("/same")
        await client.ask(same)

        await client.send_in_pieces(b"GET /unfinished HTTP/1.1\r\nX-A: ", same)

        assert (await client.response()).body == b"GET /unfinished "

    async def test_under_a_new_configuration(self, gateway, target, client):
        await client.ask(a_request("/same"))
        gateway.serve(await target(answering(a_response(b"new"))))

        assert (await client.ask(a_request("/same"))).body == b"new"

    async def test_with_its_route_gone(self, gateway, target):
        scene = gateway.serve(await target(naming))
        client = await gateway.connect()
        await client.ask(a_request("/same"))
        gateway.delete("routes", scene.route)

        assert (await client.ask(a_request("/same"))).status == 404
        assert (await client.ask(a_request("/same"))).status == 404

        gateway.apply(("routes", scene.route))
        assert (await client.ask(a_request("/same"))).status == 200

    async def test_after_a_rest(self, gateway, client):
        await client.ask(a_request("/same"))
        gateway.pass_time(5)  # long enough to let go of what was kept for a repetition
        gateway.pass_time(1)

        assert (await client.ask(a_request("/same"))).body == b"GET /same "


class TestRequestsThatDiffer:
    """By path, and by a field: they follow the course of those before."""

    async def asked(self, client, *numbers: int, **request) -> None:
        for n in numbers:
            response = await client.ask(a_request(f"/a/{n}", b"X-Id: %d" % n, **request))
            body = request.get("body", b"")
            assert response.body == b"GET /a/%d " % n + body

    @pytest.fixture
    async def client(self, gateway, target):
        gateway.serve(await target(naming))
        client = await gateway.connect()
        await self.asked(client, 1, 2, 3, 4)
        (connection,) = gateway.connections()
        assert connection.exchange.forward is connection.exchange.course
        return client

    async def test_each_is_answered(self, client):
        await self.asked(client, 5, 5, 6, 6, 5)

    async def test_with_a_body(self, client):
        await self.asked(client, *range(6), body=b"four")
        await self.asked(client, 6, 7)

    async def test_after_another(self, client):
        assert (await client.ask(a_request("/other", b"A: b", method="PUT"))).body == b"PUT /other "
        await self.asked(client, 5)

    async def test_split_anywhere(self, client):
        request = a_request("/a/5", b"X-Id: 5")
        for at in range(1, len(request)):
            await client.send_in_pieces(request[:at], request[at:])
            assert (await client.response()).body == b"GET /a/5 "

    async def test_pipelined(self, client):
        client.send(a_request("/a/5", b"X-Id: 5") + a_request("/a/6", b"X-Id: 6"))
        assert [(await client.response()).body for _ in range(2)] == [b"GET /a/5 ", b"GET /a/6 "]
        await self.asked(client, 7)

    async def test_one_that_is_refused(self, gateway, client):
        client.send(a_request("/a/5", b"X-Id: \x00"))
        assert (await client.response()).status == 400

    async def test_under_a_new_configuration(self, gateway, target, client):
        gateway.serve(await target(answering(a_response(b"new"))))

        for n in range(5, 9):
            assert (await client.ask(a_request(f"/a/{n}", b"X-Id: %d" % n))).body == b"new"

    async def test_with_their_route_gone(self, gateway, target):
        scene = gateway.serve(await target(naming))
        client = await gateway.connect()
        await self.asked(client, 1, 2, 3, 4)
        gateway.delete("routes", scene.route)
        for n in range(5, 9):
            assert (await client.ask(a_request(f"/a/{n}", b"X-Id: %d" % n))).status == 404
        gateway.apply(("routes", scene.route))
        await self.asked(client, 9, 10, 11)

    async def test_after_a_rest(self, gateway, client):
        gateway.pass_time(5)
        gateway.pass_time(1)
        await self.asked(client, 5, 6, 7, 8)

    async def test_until_the_connection_has_served_enough(self, make_gateway, target):
        gateway = await make_gateway(requests_per_connection=6)
        gateway.serve(await target(naming))
        client = await gateway.connect()
        await self.asked(client, 1, 2, 3, 4, 5)
        assert (await client.ask(a_request("/a/6", b"X-Id: 6"))).field(b"connection") == b"close"


class TestPipelining:
    async def test_answers_come_in_the_order_of_the_requests(self, client):
        client.send(b"".join(a_request(f"/{n}") for n in range(50)))

        assert [(await client.response()).body for _ in range(50)] == [b"GET /%d " % n for n in range(50)]

    async def test_split_at_any_byte(self, client):
        first, second = a_request("/a", method="POST", body=b"12345"), a_request("/b")
        both = first + second

        for at in range(1, len(both)):
            await client.send_in_pieces(both[:at], both[at:])
            assert (await client.response()).body == b"POST /a 12345"
            assert (await client.response()).body == b"GET /b "

    @pytest.mark.parametrize("came", ["alone", "behind another"])
    async def test_a_known_request_does_not_overtake_one_that_waits(self, gateway, target, came):
        """The client's bytes may be read between the end of a response and the turn of the next request."""
        origin = await target(silent)
        gateway.serve(origin)
        client = await gateway.connect()
        client.send(a_request("/same"))
        await until(lambda: origin.requests)
        connection, upstream = gateway.connections()[0], gateway.upstream_in_use()
        paths = [b"/same", b"/waiting", b"/same"]

        if came == "behind another":
            upstream.data_received(a_response())
            connection.data_received(a_request("/other") + a_request("/waiting"))
            paths.insert(1, b"/other")
            await until(lambda: len(origin.requests) == 2)
        else:
            connection.data_received(a_request("/waiting"))
        upstream.data_received(a_response())
        connection.data_received(a_request("/same"))

        for count in range(len(paths) - 1, len(paths) + 1):
            await until(lambda count=count: len(origin.requests) == count)
            upstream.data_received(a_response())
        for _ in paths:
            assert (await client.response()).status == 200
        assert [received.line.split()[1] for received in origin.requests] == paths

    async def test_more_than_may_wait_is_left_to_the_kernel(self, gateway, target):
        origin = await target(naming)
        gateway.serve(origin)
        client = await gateway.connect()
        count = 3000
        client.send(b"".join(a_request(f"/{n}") for n in range(count)))

        assert (await client.response()).body == b"GET /0 "
        assert len(gateway.connections()[0].held) < 400_000
        assert [(await client.response()).body for _ in range(1, count)] == [b"GET /%d " % n for n in range(1, count)]

    async def test_own_answers_by_the_thousand_do_not_nest(self, gateway):
        gateway.load()
        client = await gateway.connect()
        client.send(a_request() * 5000)

        for _ in range(5000):
            assert (await client.response()).status == 404

    async def test_a_body_counted_or_chunked_may_stand_between(self, client):
        client.send(
            a_request("/a", b"Transfer-Encoding: chunked", method="POST")
            + chunked(b"one", b"two")
            + a_request("/b")
            + a_request("/c", method="PUT", body=b"three")
            + a_request("/d")
        )

        bodies = [(await client.response()).body for _ in range(4)]
        assert bodies == [b"POST /a onetwo", b"GET /b ", b"PUT /c three", b"GET /d "]


class TestBodies:
    async def test_a_counted_body_may_come_in_any_pieces(self, gateway, target):
        gateway.serve(await target(echoing))
        client = await gateway.connect()
        request = a_request("/", method="POST", body=b"0123456789")

        for at in range(len(request) - 11, len(request)):
            await client.send_in_pieces(request[:at], request[at:])
            assert (await client.response()).body == b"0123456789"

    async def test_a_chunked_body_may_come_split_at_any_byte(self, gateway, target):
        gateway.serve(await target(echoing))
        client = await gateway.connect()
        head = a_request("/", b"Transfer-Encoding: chunked", method="POST")
        body = b"5;ext=1\r\n01234\r\n00A\r\n56789abcde\r\n0\r\nTrailer: x\r\n\r\n"

        for at in range(len(body) + 1):
            await client.send_in_pieces(head + body[:at], body[at:])
            assert (await client.response()).body == b"0123456789abcde"

    async def test_a_large_body_arrives_whole(self, gateway, target):
        gateway.serve(await target(echoing))
        client = await gateway.connect()
        body = bytes(range(256)) * 4096 * 4

        response = await client.ask(a_request("/", method="POST", body=body), "POST")

        assert response.body == body

    async def test_an_empty_counted_body_is_a_body(self, gateway, target):
        origin = await target(echoing)
        gateway.serve(origin)

        await gateway.ask("/", method="POST", body=b"")

        assert origin.requests[0].field(b"Content-Length") == b"0"


class TestContinue:
    HEAD = a_request("/", b"Expect: 100-continue", b"Content-Length: 4", method="POST")

    async def test_a_client_that_waits_is_told_to_go_on(self, gateway, target):
        origin = await target(echoing)
        gateway.serve(origin)
        client = await gateway.connect()

        client.send(self.HEAD)
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"body")

        assert (await client.response()).body == b"body"
        assert origin.requests[0].field(b"Expect") is None

    async def test_one_that_did_not_wait_is_not(self, gateway, target):
        gateway.serve(await target(echoing))
        client = await gateway.connect()

        response = await client.ask(self.HEAD + b"body", "POST")

        assert (response.interim, response.body) == ([], b"body")

    async def test_one_whose_request_is_refused_is_not(self, gateway):
        gateway.load()
        client = await gateway.connect()

        response = await client.ask(self.HEAD, "POST")

        assert (response.interim, response.status, response.field(b"connection")) == ([], 404, b"close")

    async def test_a_client_of_http_1_0_does_not_know_it(self, gateway, target):
        """RFC 9110 §10.1.1: a server "MUST ignore" the expectation in an HTTP/1.0 request."""
        gateway.serve(await target(echoing))
        client = await gateway.connect()

        await client.send_in_pieces(self.HEAD.replace(b"HTTP/1.1", b"HTTP/1.0"), b"body")

        response = await client.response("POST")
        assert (response.interim, response.body) == ([], b"body")
