"""Each way a target can behave, and the answer it comes to."""

import errno
import os
import ssl

import aiohttp
import pytest

from gateway_admin.monitoring.checks import probes
from gateway_admin.monitoring.checks.probes import NotMade, probe, probe_session
from proxy_engine.health import Outcome, outcome_text
from tests.gateway_admin.monitoring.builders import a_check
from tests.gateway_admin.monitoring.servers import (
    answering,
    closing_early,
    dripping,
    hanging,
    nobody_listening,
    pouring,
    resetting,
    saying,
    server_tls,
    serving,
)

REDIRECT = "Location: http://127.0.0.1:1/elsewhere\r\n"


async def ask(address, **check) -> Outcome:
    async with probe_session() as session:
        return await probe(session, a_check(address, **check))


@pytest.mark.parametrize("status", [200, 204, 302, 404, 503])
async def test_an_http_answer_is_its_status(status):
    async with serving(answering(status)) as address:
        assert await ask(address) == Outcome.answered(status)


async def test_a_redirect_is_not_followed():
    async with serving(answering(302, extra=REDIRECT)) as address:
        assert (await ask(address)).status == 302


async def test_the_request_is_kongs_with_a_name_of_ours():
    heads = []
    async with serving(answering(heads=heads)) as address:
        await ask(address, active={"http_path": "/up%2Fnow", "headers": {"X-Probe": ["a", "b"]}})
    request, *lines = heads[0].strip().split("\r\n")
    assert request == "GET /up%2Fnow HTTP/1.1"
    assert sorted(lines) == [
        "Accept: */*",
        "Connection: close",
        "Host: 127.0.0.1",
        "User-Agent: gatehouse-health-check",
        "X-Probe: a",
        "X-Probe: b",
    ]


async def test_the_upstreams_host_header_is_sent():
    heads = []
    async with serving(answering(heads=heads)) as address:
        await ask(address, host_header="shop.example:8080")
    assert "Host: shop.example:8080\r\n" in heads[0]


async def test_configured_headers_replace_ours():
    heads = []
    async with serving(answering(heads=heads)) as address:
        await ask(address, active={"headers": {"host": ["other.example"], "user-agent": ["monitor"]}})
    assert heads[0].lower().count("host:") == heads[0].lower().count("user-agent:") == 1
    assert "host: other.example\r\n" in heads[0]


async def test_a_body_is_not_read():
    sent = []
    async with serving(pouring(sent)) as address:
        assert (await ask(address)).status == 200
    assert sent
    assert sent[0] < 16 * 1024 * 1024  # what fits into the kernel's buffers, no more


@pytest.mark.parametrize("behave", [hanging, dripping])
async def test_no_whole_head_in_time_is_a_timeout(behave):
    async with serving(behave) as address:
        assert await ask(address, timeout=0.1) == Outcome.timed_out(0.1)


async def test_a_refused_connection():
    with nobody_listening() as address:
        assert await ask(address) == Outcome.failed("connection refused")


async def test_a_reset_connection():
    async with serving(resetting) as address:
        assert await ask(address) == Outcome.failed("connection reset")


async def test_a_connection_closed_early():
    async with serving(closing_early) as address:
        assert await ask(address) == Outcome.failed("closed without an answer")


async def test_a_name_that_does_not_exist():
    assert await ask("no-such-name.invalid:80") == Outcome.failed("name not found")


@pytest.mark.parametrize(
    "raw", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n", b"HTTP/1.1 200 " + b"x" * 9000]
)
async def test_what_is_not_http(raw):
    async with serving(saying(raw)) as address:
        assert await ask(address) == Outcome.answered(0)


async def test_running_out_of_sockets_says_nothing_about_the_target(monkeypatch):
    async def exhausted(session, check):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(probes, "_request", exhausted)
    with pytest.raises(NotMade, match="Too many open files"):
        await ask("127.0.0.1:1")


async def test_a_timeout_that_itself_comes_too_late_says_nothing_either(monkeypatch):
    """A stopped process, a machine that slept: the answer came in time, but nobody was there to read it."""
    monkeypatch.setattr(probes, "HELD_UP_S", -0.1)  # so each timeout is too late
    async with serving(hanging) as address:
        with pytest.raises(NotMade, match="held up"):
            await ask(address, timeout=0.1)


# --- TCP ----------------------------------------------------------------------------------------------------


async def test_tcp_is_content_with_a_connection():
    async with serving(hanging) as address:
        assert await ask(address, kind="tcp") == Outcome.connected()


async def test_tcp_refused():
    with nobody_listening() as address:
        assert await ask(address, kind="tcp") == Outcome.failed("connection refused")


async def test_tcp_with_a_name_that_does_not_exist():
    assert await ask("no-such-name.invalid:80", kind="tcp") == Outcome.failed("name not found")


# --- TLS ----------------------------------------------------------------------------------------------------


async def test_a_self_signed_certificate_fails_verification(tmp_path):
    context, _ = server_tls(tmp_path, "127.0.0.1")
    async with serving(answering(), ssl_context=context) as address:
        answer = await ask(address, kind="https")
    assert answer == Outcome.failed("TLS failed: self-signed certificate")


async def test_without_verification_it_passes(tmp_path):
    context, _ = server_tls(tmp_path, "other.example")
    async with serving(answering(), ssl_context=context) as address:
        assert (await ask(address, kind="https", active={"https_verify_certificate": False})).status == 200


async def test_plain_http_where_tls_is_expected():
    async with serving(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as address:
        answer = await ask(address, kind="https")
    assert answer.failure.startswith("TLS failed: ")


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "localhost"),
        ({"host_header": "shop.example:8443"}, "shop.example"),
        ({"host_header": "shop.example", "active": {"https_sni": "sni.example"}}, "sni.example"),
    ],
)
async def test_tls_asks_for_the_sni_else_the_host_header_else_the_target(tmp_path, settings, name):
    context, _ = server_tls(tmp_path, name)
    asked = []
    context.sni_callback = lambda sock, server_name, _: asked.append(server_name)
    async with serving(answering(), ssl_context=context) as address:
        port = address.rpartition(":")[2]
        settings["active"] = settings.get("active", {}) | {"https_verify_certificate": False}
        await ask(f"localhost:{port}", kind="https", **settings)
    assert asked == [name]


@pytest.mark.parametrize(("sni", "words"), [("sni.example", "200"), ("wrong.example", "TLS failed: hostname mismatch")])
async def test_the_certificate_must_bear_that_name(tmp_path, monkeypatch, sni, words):
    context, certificate = server_tls(tmp_path, "sni.example")
    trusting = ssl.create_default_context(cafile=certificate)
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", trusting)
    async with serving(answering(), ssl_context=context) as address:
        answer = await ask(address, kind="https", active={"https_sni": sni})
    assert outcome_text(answer).startswith(words)
