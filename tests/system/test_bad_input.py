"""What the API refuses it refuses by field, and nothing of it is stored or served."""

import json
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


FORM = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n--b--\r\n'


def in_chunks(stack, path, media_type, body):
    """Status and body of the answer to a POST that does not tell its length."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {stack.token}\r\n"
        f"Content-Type: {media_type}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:]) if part)
    head, _, body = raw(stack.admin, head + chunked + b"0\r\n\r\n").partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_forms_come_in_chunks_as_well(stack):
    status, body = in_chunks(stack, "/upstreams", "multipart/form-data; boundary=b", FORM % (b"name", b"in-chunks"))
    assert (status, body["name"]) == (201, "in-chunks")
    file = FORM % (b"config", b'_format_version: "3.0"')
    status, body = in_chunks(stack, "/api/config/diff?keep=true", "multipart/form-data; boundary=b", file)
    assert (status, body["data"]["steps"]) == (200, [])


def test_long_bodies_in_chunks_are_refused_in_both_dialects(stack):
    long = b'{"name": "' + b"x" * 1024 * 1024 + b'"}'
    message = "the body is larger than 1048576 bytes"
    assert in_chunks(stack, "/upstreams", "application/json", long) == (413, {"message": message})
    status, body = in_chunks(stack, "/api/upstreams", "application/json", long)
    assert (status, body["error"]["code"], body["error"]["message"]) == (413, "PAYLOAD_TOO_LARGE", message)


@pytest.mark.parametrize("media_type", ["multipart/form-data", "multipart/form-data; boundary=b"])
def test_a_form_that_is_none_is_refused_in_both_dialects(stack, media_type):
    status, body = in_chunks(stack, "/upstreams", media_type, b"--b--\r\n")
    assert status == 400
    assert body["message"]
    status, body = in_chunks(stack, "/api/config/diff", media_type, b"--b--\r\n")
    assert (status, body["error"]["code"]) == (400, "VALIDATION_ERROR")


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
