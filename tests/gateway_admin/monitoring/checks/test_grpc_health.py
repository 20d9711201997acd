"""gRPC's health protocol: against grpcio's own server, and against peers that say something else."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from gateway_admin.monitoring.checks.grpc_health import (
    HealthCall,
    framed,
    judged,
    request_message,
    response_status,
    unframed,
)
from gateway_admin.monitoring.checks.probes import UNREADABLE
from proxy_engine.health import Outcome
from tests.gateway_admin.monitoring.checks.test_probes import ask
from tests.gateway_admin.monitoring.servers import hanging, nobody_listening, saying, server_tls, serving

Status = health_pb2.HealthCheckResponse


@contextmanager
def a_server(credentials=None, **statuses):
    """grpcio with its own health service; ``statuses`` by service."""
    servicer = health.HealthServicer()
    for service, status in statuses.items():
        servicer.set(service, status)
    server = grpc.server(ThreadPoolExecutor(1))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    if credentials:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@pytest.mark.parametrize(
    ("probe", "outcome"),
    [
        ({}, Outcome.judged(True, "SERVING")),
        ({"grpc_service": "orders"}, Outcome.judged(False, "NOT_SERVING")),
        ({"grpc_service": "nobody"}, Outcome.judged(False, "gRPC status NOT_FOUND")),
    ],
)
async def test_a_real_server_says_how_its_services_are(probe, outcome):
    with a_server(orders=Status.NOT_SERVING) as address:
        assert await ask(address, kind="grpc", timeout=10, probe=probe) == outcome


async def test_a_server_without_the_health_service():
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        found = await ask(f"127.0.0.1:{port}", kind="grpc", timeout=10)
    finally:
        server.stop(None).wait()
    assert found == Outcome.judged(False, "gRPC status UNIMPLEMENTED")


async def test_over_tls_the_certificate_is_verified(tmp_path, monkeypatch):
    _, certificate = server_tls(tmp_path, "orders.example")
    pem = (tmp_path / "key.pem").read_bytes(), (tmp_path / "certificate.pem").read_bytes()
    with a_server(grpc.ssl_server_credentials([pem])) as address:
        refused = await ask(address, kind="grpcs", timeout=10)
        unverified = await ask(address, kind="grpcs", timeout=10, active={"https_verify_certificate": False})
        monkeypatch.setenv("SSL_CERT_FILE", certificate)
        trusted = await ask(address, kind="grpcs", timeout=10, probe={"host": "orders.example"})
    assert refused.failure == "TLS failed: self-signed certificate"
    assert unverified.words == trusted.words == "SERVING"


async def test_a_connection_that_is_refused_or_says_nothing():
    with nobody_listening() as address:
        assert await ask(address, kind="grpc") == Outcome.failed("connection refused")
    async with serving(hanging) as address:
        assert await ask(address, kind="grpc", timeout=0.1) == Outcome.timed_out(0.1)


@pytest.mark.parametrize("raw", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 64, b"\xff" * 20_000])
async def test_what_is_not_http_2_cannot_be_read(raw):
    async with serving(saying(raw)) as address:
        assert await ask(address, kind="grpc", timeout=5) in (UNREADABLE, Outcome.failed("closed without an answer"))


async def test_a_server_that_hangs_up():
    async with serving(saying(b"")) as address:
        assert await ask(address, kind="grpc", timeout=5) == Outcome.failed("closed without an answer")


# --- Messages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", ["", "orders.v1.Orders", "x" * 127, "x" * 128, "x" * 255])
def test_a_request_is_what_protobuf_writes(service):
    assert request_message(service) == health_pb2.HealthCheckRequest(service=service).SerializeToString()


@pytest.mark.parametrize("status", Status.ServingStatus.values())
def test_a_response_is_what_protobuf_wrote(status):
    assert response_status(Status(status=status).SerializeToString()) == status


def test_fields_of_later_versions_are_skipped():
    assert response_status(b"\x12\x02hi\x08\x01\x19" + b"\x00" * 8 + b"\x25" + b"\x00" * 4) == 1


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"\x08", "cut short"),
        (b"\x12\x05hi", "cut short"),
        (b"\x0b", "wire type 3"),
        (b"\x08" + b"\xff" * 10, "cut short"),
    ],
)
def test_what_is_no_message(message, words):
    with pytest.raises(ValueError, match=words):
        response_status(message)


@pytest.mark.parametrize("body", [b"", b"\x00", b"\x01\x00\x00\x00\x00", framed(b"x") + b"y", framed(b"xy")[:-1]])
def test_what_is_not_one_uncompressed_message(body):
    with pytest.raises(ValueError, match="not one message"):
        unframed(body)


@pytest.mark.parametrize(
    ("head", "body", "words"),
    [
        ({":status": "503"}, b"", "HTTP status 503"),
        ({":status": "200"}, b"", "no gRPC status"),
        ({":status": "200", "grpc-status": "14"}, b"", "gRPC status UNAVAILABLE"),
        ({":status": "200", "grpc-status": "99"}, b"", "no gRPC status"),
        ({":status": "200", "grpc-status": "0"}, framed(b""), "UNKNOWN"),
        ({":status": "200", "grpc-status": "0"}, framed(b"\x08\x09"), "status 9"),
    ],
)
def test_everything_but_serving_is_a_failure(head, body, words):
    assert judged(head, body) == Outcome.judged(False, words)


def test_an_answer_without_a_message_is_unreadable():
    assert judged({":status": "200", "grpc-status": "0"}, b"") == UNREADABLE


def test_headers_that_grpc_has_its_own_of_are_left_out():
    own = [("Host", "x"), ("Connection", "close"), ("X-Token", "t")]
    call = HealthCall(scheme="http", authority="a", service="", headers=own)
    assert ("x-token", "t") in call._head
    assert "host" not in dict(call._head)
    assert call.begin().startswith(b"PRI * HTTP/2.0")


def test_h2_is_loaded_with_the_first_call_only():
    code = (
        "import django; django.setup(); import gateway_admin.monitoring.checks.process, sys; print('h2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
