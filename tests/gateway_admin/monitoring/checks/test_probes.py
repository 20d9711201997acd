"""Each way a target can behave, and the answer it comes to."""

import errno
import os
import ssl

import pytest

from gateway_admin.monitoring.checks import probes
from gateway_admin.monitoring.checks.plan import ClientCertificate
from gateway_admin.monitoring.checks.probes import NotMade, probe, probe_kit
from gateway_admin.monitoring.checks.tls import Pair
from proxy_engine.health import Outcome, outcome_text
from tests.gateway_admin.monitoring.builders import a_check
from tests.gateway_admin.monitoring.servers import (
    answering,
    closing_early,
    dripping,
    hanging,
    no_certificates,
    nobody_listening,
    pouring,
    resetting,
    saying,
    server_tls,
    serving,
)
from tests.proxy_engine.pems import a_pair

REDIRECT = "Location: http://127.0.0.1:1/elsewhere\r\n"


async def ask(address, *, read_pair=no_certificates, **check) -> Outcome:
    async with probe_kit(read_pair) as kit:
        return await probe(kit, a_check(address, **check))


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
    async def exhausted(kit, check):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setitem(probes.ASK, "http", exhausted)
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
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    async with serving(answering(), ssl_context=context) as address:
        answer = await ask(address, kind="https", active={"https_sni": sni})
    assert outcome_text(answer).startswith(words)


# --- Beyond Kong's settings -------------------------------------------------------------------------------------


async def test_the_request_is_as_the_probe_says():
    asked = []

    async def behave(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append((head.decode(), await reader.readexactly(11)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    probe = {"method": "POST", "host": "shop.example:81", "body": '{"deep": 1}'}
    async with serving(behave) as address:
        await ask(address, host_header="other.example", probe=probe, active={"headers": {"content-type": ["a/b"]}})
    [(head, body)] = asked
    assert head.startswith("POST / HTTP/1.1\r\n")
    assert "Host: shop.example:81\r\n" in head
    assert "content-type: a/b\r\n" in head
    assert head.lower().count("content-type") == 1
    assert body == b'{"deep": 1}'


@pytest.mark.parametrize(("kind", "outcome"), [("http", Outcome.answered(200)), ("tcp", Outcome.connected())])
async def test_another_port_may_be_asked(kind, outcome):
    async with serving(answering()) as address:
        port = int(address.rpartition(":")[2])
        with nobody_listening() as target:
            assert await ask(target, kind=kind, probe={"port": port}) == outcome


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"all is well", "200"), (b"all is lost", "200, but the body lacks well")],
)
async def test_a_body_may_be_looked_at(body, words):
    async with serving(answering(body=body)) as address:
        assert outcome_text(await ask(address, probe={"contains": "well"})) == words


async def test_the_body_of_a_bad_status_is_not_looked_at():
    async with serving(answering(503, body=b"all is lost")) as address:
        assert await ask(address, probe={"contains": "well"}) == Outcome.answered(503)


async def test_a_body_without_end_is_read_up_to_a_bound():
    sent = []
    async with serving(pouring(sent)) as address:
        found = await ask(address, timeout=5, probe={"contains": "y"})
    assert found.words == "200, but the body lacks y"
    assert sent[0] < 16 * 1024 * 1024


async def test_a_body_that_does_not_come_is_a_timeout():
    async with serving(answering(extra="X: y\r\n", length=10)) as address:
        assert await ask(address, timeout=0.1, probe={"contains": "y"}) == Outcome.timed_out(0.1)


# --- A certificate of ours --------------------------------------------------------------------------------------

SHOWN = ClientCertificate("id", "1")


@pytest.fixture
def strict(tmp_path):
    """A server that wants to see the certificate of ``a_pair``."""
    context, _ = server_tls(tmp_path, "127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=a_pair("EC", is_authority=True).cert)
    return context


UNVERIFIED = {"https_verify_certificate": False}


async def test_a_client_certificate_is_shown(strict):
    async def read_pair(key):
        return Pair(*a_pair("EC", is_authority=True)) if key == "id" else None

    async with serving(answering(), ssl_context=strict) as address:
        found = await ask(address, kind="https", read_pair=read_pair, certificate=SHOWN, active=UNVERIFIED)
    assert found == Outcome.answered(200)


async def test_without_one_the_server_hangs_up(strict):
    async with serving(answering(), ssl_context=strict) as address:
        found = await ask(address, kind="https", active=UNVERIFIED)
    assert found.failure is not None


@pytest.mark.parametrize(
    ("pair", "words"),
    [(None, "is gone"), (Pair(a_pair("EC").cert, a_pair("EC", 1).key), "cannot be used: KEY_VALUES_MISMATCH")],
)
async def test_a_certificate_that_cannot_be_shown_says_nothing_about_the_target(pair, words):
    async def read_pair(key):
        return pair

    with pytest.raises(NotMade, match=words):
        await ask("127.0.0.1:1", kind="https", read_pair=read_pair, certificate=SHOWN)
