"""The status of an answer as its bytes come in, and that both ways of asking come to the same."""

import pytest

from gateway_admin.monitoring.checks import probes
from gateway_admin.monitoring.checks.plain_http import LINE_BYTES, read_status
from tests.gateway_admin.monitoring.checks.test_probes import ask
from tests.gateway_admin.monitoring.servers import (
    answering,
    closing_early,
    nobody_listening,
    resetting,
    saying,
    serving,
)

ANSWER = b"HTTP/1.1 503 Service Unavailable\r\nServer: x\r\n\r\nbody"


@pytest.mark.parametrize(
    ("held", "status"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", 200),
        (b"HTTP/1.0 302 \r\nA: b\r\n\r\n", 302),
        (b"HTTP/1.1 204\r\n\r\n", 204),
        (b"HTTP/1.1 200 OK\nA: b\n\n", 200),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 200),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", None),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 101),
        (b"", None),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n", None),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20_000, 0),
        (b"HTTP/1.1 2x0 OK\r\n\r\n", 0),
        (b"HTTP/1.1 20 OK\r\n\r\n", 0),
        (b"HTTP/2 200\r\n\r\n", 0),
        (b"SSH-2.0-OpenSSH_9.2\r\n", 0),
        (b"x" * (LINE_BYTES + 1), 0),
    ],
)
def test_the_status_line_says_it_and_the_head_must_end(held, status):
    assert read_status(held) == status


def test_it_is_the_same_wherever_the_bytes_are_split():
    whole = ANSWER.partition(b"body")[0]
    seen = {read_status(ANSWER[:length]) for length in range(len(whole))}
    assert seen == {None}
    assert {read_status(ANSWER[:length]) for length in range(len(whole), len(ANSWER))} == {503}


@pytest.mark.parametrize(
    "behave", [answering(), answering(404), resetting, closing_early, saying(b"SSH-2.0\r\n"), saying(b"HTTP/1.1 2")]
)
async def test_asked_in_either_way_a_target_is_the_same(monkeypatch, behave):
    async with serving(behave) as address:
        quick = await ask(address)
        monkeypatch.setitem(probes.ASK, "http", probes._request)
        assert quick == await ask(address)


async def test_a_refused_connection_is_one_in_either_way(monkeypatch):
    with nobody_listening() as address:
        quick = await ask(address)
        monkeypatch.setitem(probes.ASK, "http", probes._request)
        assert quick == await ask(address)
