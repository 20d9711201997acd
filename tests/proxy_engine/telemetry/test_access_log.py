"""One line per request, whatever became of it: real exchanges, and what the log says of them."""

from __future__ import annotations

import datetime
import re

import pytest

from proxy_engine.telemetry import access_log
from tests.proxy_engine.support.client import Cut, a_request, chunked
from tests.proxy_engine.support.logs import entries_of, lines_of, log_of
from tests.proxy_engine.support.targets import a_response, answering, resetting, silent
from tests.proxy_engine.support.waiting import until
from tests.proxy_engine.support.websocket import a_handshake, exactly, opened, repeating, switching

AGENT = b"User-Agent: curl/8.14"


async def test_a_response_that_went_through(gateway, target):
    origin = await target(answering(a_response(b"hello", status=b"201 Created")))
    scene = gateway.serve(origin)
    log = log_of(gateway)

    response = await gateway.ask("/a/b?c=d", AGENT)

    (entry,) = entries_of(log)
    at = datetime.datetime.fromisoformat(entry.pop("time").replace("Z", "+00:00"))
    assert abs(datetime.datetime.now(datetime.UTC) - at) < datetime.timedelta(seconds=20)
    assert 0 < entry.pop("target_ms") <= entry.pop("duration_ms")
    assert entry == {
        "request_id": response.field(b"x-kong-request-id").decode(),
        "client": "127.0.0.1",
        "method": "GET",
        "host": "gateway.test",
        "path": "/a/b?c=d",
        "user_agent": "curl/8.14",
        "route": scene.route["name"] or scene.route["id"],
        "service": scene.service["name"] or scene.service["id"],
        "upstream": "pool.test",
        "status": 201,
        "bytes": 5,
        "target": origin.address,
        "request_bytes": 0,
        "tries": 1,
        "outcome": "complete",
        "reason": None,
    }


async def test_requests_that_come_again_have_lines_of_their_own(gateway, target):
    gateway.serve(await target(answering(a_response(b"1"))))
    log = log_of(gateway)
    client = await gateway.connect()
    for _ in range(3):
        await client.ask(a_request("/same"))
    await client.ask(a_request("/other", b"user-agent: x", b"A: b", method="POST", body=b"four"))

    entries = entries_of(log)
    assert [entry["path"] for entry in entries] == ["/same", "/same", "/same", "/other"]
    assert [entry["user_agent"] for entry in entries] == [None, None, None, "x"]
    assert [entry["request_bytes"] for entry in entries] == [0, 0, 0, 4]
    assert len({entry["request_id"] for entry in entries}) == 4


@pytest.mark.parametrize("form", ["json", "combined"])
async def test_lines_stand_in_the_order_of_their_ends(gateway, target, form):
    gateway.serve(await target(answering(a_response(b"1"))))
    log = log_of(gateway, form)
    for _ in range(2):
        await gateway.ask("/")
        client = await gateway.connect()
        client.send(b"NONSENSE\r\n\r\n")
        await client.response()

    statuses = [re.search(rb'(?:"status":|" )(\d{3})\b', line)[1] for line in lines_of(log)]
    assert statuses == [b"200", b"400", b"200", b"400"]


async def test_times_are_told_to_a_tenth_of_a_millisecond(gateway, target):
    whole = a_response(b"12345678")
    gateway.serve(await target(answering(whole)))
    log = log_of(gateway)
    await gateway.ask()
    log._facts[:3] = (10.01236, 10.0, 10.00104)  # the end, the beginning, the head of the target's response

    (line,) = lines_of(log)
    assert b'"duration_ms":12.4,"target_ms":1.0,' in line


@pytest.mark.parametrize("form", ["json", "combined"])
async def test_what_changes_from_head_to_head_is_seen(gateway, target, form):
    gateway.serve(await target(answering(a_response(b"1"))))
    log = log_of(gateway, form)
    client = await gateway.connect()
    for number in range(6):
        await client.ask(a_request("/same", b"A: b", b"User-Agent: agent-%d" % (number // 2), b"C: d"))
    for host in (b"one.test", b"two.test"):
        client.send(b"GET http://%b/same HTTP/1.1\r\nHost: gateway.test\r\nUser-Agent: last\r\n\r\n" % host)
        await client.response()

    agents = [b"agent-%d" % (number // 2) for number in range(6)] + [b"last", b"last"]
    assert [re.search(rb"agent-\d|last", line)[0] for line in lines_of(log)] == agents
    if form == "json":
        assert [entry["host"] for entry in entries_of(log)] == ["gateway.test"] * 6 + ["one.test", "two.test"]


@pytest.mark.parametrize("form", ["json", "combined"])
@pytest.mark.parametrize("with_query", [True, False])
async def test_targets_that_change_from_head_to_head_are_told(gateway, target, form, with_query):
    gateway.serve(await target(answering(a_response(b"1"))))
    log = log_of(gateway, form, with_query=with_query)
    client = await gateway.connect()
    targets = [b"/a/%d" % number for number in range(5)] + [b"/a/5?token=1", b'/a/6?"', b"/a/7", b"/a/7", b'/a/"']
    for number, path in enumerate(targets):
        await client.ask(a_request(path.decode(), b"X-Id: %d" % number, b"User-Agent: one"))

    quote = {"json": b'\\"', "combined": b"\\x22"}[form]
    shown = [path.replace(b'"', quote) for path in targets]
    begin, end = {"json": (b'"path":"', b'","user'), "combined": (b'"GET ', b' HTTP/1.1" 200 ')}[form]
    found = [line.partition(begin)[2].partition(end)[0] for line in lines_of(log)]
    assert found == (shown if with_query else [path.partition(b"?")[0] for path in shown])


async def test_the_body_is_counted_without_its_chunks(gateway, target):
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"abc", b"defgh")
    gateway.serve(await target(answering(raw)))
    log = log_of(gateway)
    await gateway.ask()

    assert entries_of(log)[0]["bytes"] == 8


async def test_other_targets_that_were_tried_are_counted(gateway, target):
    good = await target(answering(a_response(b"ok")))
    gateway.serve(await target(resetting), good)
    log = log_of(gateway)
    for _ in range(2):
        await gateway.ask()

    entries = entries_of(log)
    assert max(entry["tries"] for entry in entries) == 2
    assert {(entry["status"], entry["target"]) for entry in entries} == {(200, good.address)}


async def test_an_answer_of_the_gateways_own_says_why(gateway, target):
    gateway.serve(await target(resetting), retries=1)
    log = log_of(gateway)
    response = await gateway.ask("/x")

    (entry,) = entries_of(log)
    assert (entry["status"], entry["outcome"], entry["tries"]) == (502, "own answer", 1)
    assert entry["reason"] == "An invalid response was received from the upstream server"
    assert entry["bytes"] == len(response.body)
    assert entry["target_ms"] is None
    assert entry["request_id"].encode() == response.field(b"x-kong-request-id")


async def test_one_without_a_route(gateway):
    gateway.load()
    log = log_of(gateway)
    await gateway.ask("/nowhere")

    (entry,) = entries_of(log)
    assert (entry["status"], entry["path"], entry["route"], entry["target"], entry["tries"]) == (
        404,
        "/nowhere",
        None,
        None,
        0,
    )


async def test_after_a_tried_request_one_without_a_route_was_not_tried(gateway, target):
    gateway.serve(await target(resetting), await target(answering(a_response(b"ok"))))
    log = log_of(gateway)
    client = await gateway.connect()
    for _ in range(2):
        await client.ask(a_request("/x"))
    gateway.load()
    await client.ask(a_request("/x"))

    last = entries_of(log)[-1]
    assert (last["status"], last["tries"], last["target"], last["service"]) == (404, 0, None, None)


@pytest.mark.parametrize(
    ("raw", "status", "reason"),
    [
        (b"NONSENSE\r\n\r\n", 400, "malformed request line"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "no Host header"),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "only HTTP/1.0 and HTTP/1.1 are spoken here"),
    ],
)
async def test_a_head_that_is_not_understood(gateway, raw, status, reason):
    log = log_of(gateway)
    client = await gateway.connect()
    client.send(raw)
    response = await client.response()

    (entry,) = entries_of(log)
    assert (entry["status"], entry["reason"], entry["path"], entry["client"]) == (status, reason, None, "127.0.0.1")
    assert entry["request_id"].encode() == response.field(b"x-kong-request-id")


async def test_a_client_that_leaves_before_an_answer(gateway, target):
    origin = await target(silent)
    gateway.serve(origin)
    log = log_of(gateway)
    client = await gateway.connect()
    client.send(a_request("/slow"))
    await until(lambda: origin.requests)
    client.reset()
    await until(lambda: log.waiting)

    (entry,) = entries_of(log)
    assert (entry["outcome"], entry["status"], entry["path"], entry["bytes"]) == ("client left", 499, "/slow", 0)
    assert (entry["target"], entry["tries"]) == (origin.address, 1)


async def test_a_response_that_breaks_off(gateway, target):
    async def broken(visit):
        await visit.request()
        await visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

    gateway.serve(await target(broken))
    log = log_of(gateway)
    with pytest.raises(Cut):
        await gateway.ask("/x")

    (entry,) = entries_of(log)
    assert (entry["outcome"], entry["status"]) == ("cut", 200)
    assert entry["reason"].startswith("connection lost: ")
    assert entry["bytes"] <= 4


async def test_a_malformed_body_is_one_line(gateway, target):
    origin = await target(silent)
    gateway.serve(origin)
    log = log_of(gateway)
    client = await gateway.connect()
    client.send(a_request("/", b"Transfer-Encoding: chunked", method="POST") + chunked(b"fine", ended=False))
    await until(lambda: origin.visits)
    client.send(b"-1\r\n")
    assert (await client.response()).status == 400

    (entry,) = entries_of(log)
    assert (entry["status"], entry["outcome"], entry["path"]) == (400, "own answer", "/")


async def test_a_body_that_stops_coming_was_a_try_all_the_same(gateway, target):
    origin = await target(silent)
    gateway.serve(origin)
    log = log_of(gateway)
    client = await gateway.connect()
    client.send(a_request("/", b"Content-Length: 10", method="POST") + b"half")
    await until(gateway.upstream_in_use)
    gateway.pass_time(gateway.engine.limits.body_idle_s + 1)
    assert (await client.response()).status == 408

    (entry,) = entries_of(log)
    assert (entry["status"], entry["target"], entry["tries"]) == (408, origin.address, 1)


async def test_a_client_that_leaves_before_the_next_try_has_had_those_before_it(gateway, target):
    busy = await target(answering(a_response(status=b"503 Service Unavailable")))
    retry = {"statuses": [503], "backoff": 60_000, "max_backoff": 60_000}
    gateway.serve(busy, await target(silent), upstream={"retry": retry})
    log = log_of(gateway)
    client = await gateway.connect()
    client.send(a_request())
    await until(lambda: gateway.engine.counters.retries["status"])
    client.reset()
    await until(lambda: log.waiting)

    (entry,) = entries_of(log)
    assert (entry["outcome"], entry["target"], entry["tries"]) == ("client left", busy.address, 1)


async def test_a_tunnel_has_its_line_at_its_end(gateway, target):
    gateway.serve(await target(switching(repeating)))
    log = log_of(gateway)
    client = await opened(await gateway.connect(), a_handshake("/chat"))
    client.send(b"1234567")
    await exactly(client, 7)
    assert entries_of(log) == []
    client.close()
    await until(lambda: log.waiting)

    (entry,) = entries_of(log)
    assert (entry["outcome"], entry["status"], entry["path"]) == ("tunnel", 101, "/chat")
    assert (entry["bytes"], entry["request_bytes"]) == (7, 7)


class TestWhatClientsChoose:
    HOSTILE = b'/\xff"\\\x80?a="},{"status":200'

    async def test_cannot_forge_a_line_or_a_field(self, gateway, target):
        gateway.serve(await target(answering(a_response())))
        log = log_of(gateway)
        client = await gateway.connect()
        client.send(b'GET %b HTTP/1.1\r\nHost: a.test\r\nUser-Agent: x\xc2\x9b2J"}\\\r\n\r\n' % self.HOSTILE)
        await client.response()

        (line,) = lines_of(log)
        assert set(line) <= set(range(0x20, 0x7F))
        (entry,) = entries_of(log)
        assert entry["path"] == '/\\xff"\\\\x80?a="},{"status":200'.replace("\\\\", "\\\\")
        assert entry["user_agent"] == 'x\x9b2J"}\\'

    async def test_nor_in_the_combined_format(self, gateway, target):
        gateway.serve(await target(answering(a_response(b"ok"))))
        log = log_of(gateway, "combined")
        client = await gateway.connect()
        client.send(b'GET /a"b\xff HTTP/1.1\r\nHost: a.test\r\nReferer: \x9b"\r\nuser-agent: z\r\n\r\n')
        await client.response()

        (line,) = lines_of(log)
        assert re.fullmatch(
            rb"127\.0\.0\.1 - - \[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d \+0000\] "
            rb'"GET /a\\x22b\\xFF HTTP/1\.1" 200 2 "\\x9B\\x22" "z"',
            line,
        )

    async def test_a_query_can_be_left_out(self, gateway, target):
        gateway.serve(await target(answering(a_response(b"ok"))))
        for form in ("json", "combined"):
            log = log_of(gateway, form, with_query=False)
            await gateway.ask("/a?token=secret")
            (line,) = lines_of(log)
            assert b"secret" not in line
            assert b"/a" in line

    async def test_a_trusted_proxys_word_for_the_client_is_escaped(self, make_gateway, target):
        gateway = await make_gateway(env={"GATEWAY_TRUSTED_IPS": "127.0.0.1"})
        gateway.serve(await target(answering(a_response(b"ok"))))
        log = log_of(gateway)
        await gateway.ask("/", b'X-Real-IP: 1.2.3.4", "x": "')

        assert entries_of(log)[0]["client"] == '1.2.3.4", "x": "'


async def test_combined_has_a_line_for_what_was_not_understood(gateway):
    log = log_of(gateway, "combined")
    client = await gateway.connect()
    client.send(b"NONSENSE\r\n\r\n")
    await client.response()

    assert re.fullmatch(rb'127\.0\.0\.1 - - \[.*\] "-" 400 \d+ "-" "-"', lines_of(log)[0])


async def test_lines_do_not_pile_up_between_two_sweeps(gateway, monkeypatch):
    monkeypatch.setattr(access_log, "MOST_LINES", 3)
    gateway.load()
    log = log_of(gateway)
    for _ in range(4):
        await gateway.ask()

    assert (len(log.writer.lines), log.waiting) == (3, 1)


async def test_they_are_made_a_few_at_a_time(gateway, target, monkeypatch):
    """Hundreds at once would keep requests waiting."""
    monkeypatch.setattr(access_log, "_MOST_FACTS", 2 * access_log._FACTS)
    gateway.serve(await target(answering(a_response())))
    log = log_of(gateway)
    client = await gateway.connect()
    for number in range(5):
        await client.ask(a_request(f"/{number}"))

    assert (log._count, len(log._facts) // access_log._FACTS, log.waiting) == (4, 1, 5)
    assert [entry["path"] for entry in entries_of(log)] == ["/0", "/1", "/2", "/3", "/4"]


async def test_a_sweep_hands_them_over(gateway):
    gateway.load()
    log = log_of(gateway)
    await gateway.ask()
    gateway.pass_time(0)

    assert (len(log.writer.lines), log.waiting) == (1, 0)


async def test_the_time_goes_on_by_milliseconds(gateway):
    log = log_of(gateway)
    log._offset_s = 1_000_000_000.0
    seen = []
    for ended_at in (0.0, 0.0004, 0.0015, 0.9999, 1.0, 61.25):
        if ended_at >= log._now_until:
            log._tick(ended_at)
        seen.append(log._now[9:33])

    assert seen == [
        b"2001-09-09T01:46:40.000Z",
        b"2001-09-09T01:46:40.000Z",
        b"2001-09-09T01:46:40.001Z",
        b"2001-09-09T01:46:40.999Z",
        b"2001-09-09T01:46:41.000Z",
        b"2001-09-09T01:47:41.250Z",
    ]
