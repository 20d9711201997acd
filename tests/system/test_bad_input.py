"""What the API refuses it refuses by field, and nothing of it is stored or served."""

import socket
from urllib.parse import urlsplit

import pytest

from tests.support.client import request


def refused(answer, status, code):
    assert answer.status == status, answer.body
    body = answer.json
    assert body["success"] is False
    assert body["error"]["code"] == code
    return {detail["field"]: detail["message"] for detail in body["error"]["details"]}


@pytest.mark.parametrize(
    ("path", "values", "field"),
    [
        ("upstreams", {}, "name"),
        ("upstreams", {"name": "x", "slots": 1}, "slots"),
        ("upstreams", {"name": "x", "colour": "red"}, "colour"),
        ("upstreams", {"name": "x", "healthcheck": {"active": {"timeout": -1}}}, "healthcheck.active.timeout"),
        ("targets", {"target": "127.0.0.1:80"}, "upstreamId"),
        ("services", {"name": "x", "host": "x", "port": 70000}, "port"),
        ("services", {"name": "x", "host": "x", "retries": "many"}, "retries"),
        ("routes", {"name": "x", "paths": ["no-slash"]}, "paths.0"),
    ],
)
def test_a_bad_field_is_named(stack, path, values, field):
    fields = refused(stack.api.call("POST", path, values), 400, "VALIDATION_ERROR")
    assert field in fields
    assert fields[field]


def test_nothing_is_stored_on_error(stack):
    before = stack.api.call("GET", "upstreams").json["meta"]["pagination"]["total"]
    stack.api.call("POST", "upstreams", {"name": "half-right", "slots": 1})
    assert stack.api.call("GET", "upstreams").json["meta"]["pagination"]["total"] == before


def test_a_body_that_is_no_json_is_refused(stack):
    refused(stack.api.call("POST", "upstreams", b"{name"), 400, "VALIDATION_ERROR")


def test_a_name_taken_twice_is_a_conflict(stack):
    stack.api.create("upstreams", name="taken-once")
    fields = refused(stack.api.call("POST", "upstreams", {"name": "taken-once"}), 409, "DUPLICATE")
    assert "name" in fields


def test_an_unknown_id_is_not_found(stack):
    unknown = "00000000-0000-4000-8000-000000000000"
    refused(stack.api.call("GET", f"upstreams/{unknown}"), 404, "NOT_FOUND")


def test_a_stranger_is_sent_away(stack):
    refused(request("GET", f"{stack.admin}/api/upstreams"), 401, "UNAUTHORIZED")
    wrong = {"Authorization": "Bearer guessed"}
    refused(request("GET", f"{stack.admin}/api/upstreams", headers=wrong), 401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n\r\n",  # no Host
        b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nBad Name: y\r\n\r\n",
    ],
)
def test_a_request_that_is_not_strictly_http_gets_400_and_the_end(stack, head):
    answer = raw(stack.proxy, head)
    assert answer.startswith(b"HTTP/1.1 400 ")


def raw(url, head):
    """Everything up to the end of the connection."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(head)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received
