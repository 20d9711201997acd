"""What the server of the dashboard lets through to Django, and what it refuses by itself."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.ports import free_ports

FOLDER = Path(__file__).resolve().parent.parent.parent
LIMIT = 100_000  # bytes of a configuration; the server allows for a form around it
MOST = 1024 * 1024 + 64 * 1024  # other bodies may have 1 MiB
HEAD = b"POST /upstreams HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    (port,) = free_ports(1)
    directory = str(tmp_path_factory.mktemp("server"))
    settings = {"GATEWAY_DATA_DIR": directory, "GATEWAY_CONFIG_UPLOAD_BYTES": str(LIMIT)}
    command = [
        sys.executable,
        "-m",
        "gateway_admin.server",
        "-v",
        "0",
        "-p",
        str(port),
        "tests.support.length_app:application",
    ]
    settings["DJANGO_SETTINGS_MODULE"] = "gateway_admin.settings"
    process = subprocess.Popen(command, cwd=FOLDER, env=os.environ | settings)
    try:
        eventually(lambda: _listens(port), within=30, what="the server listens")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def ask(port, *pieces):
    """Status and body of the answer; the connection is closed after it."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for piece in pieces:
            try:
                connection.sendall(piece)
            except OSError:  # refused already
                break
        with connection.makefile("rb") as answer:
            status = int(answer.readline().split()[1])
            headers = {}
            while line := answer.readline().strip():
                name, _, value = line.decode().partition(":")
                headers[name.lower()] = value.strip()
            return status, json.loads(answer.read(int(headers["content-length"])))


def chunks(total, size=65536):
    for _ in range(total // size):
        yield b"%x\r\n" % size + b"x" * size + b"\r\n"
    yield b"0\r\n\r\n"


def test_bodies_within_the_limit_pass(port):
    assert ask(port, HEAD + b"Content-Length: 200000\r\n\r\n", b"x" * 200_000) == (
        200,
        {"length": 200_000, "root_path": ""},
    )
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    assert ask(port, chunked, *chunks(1024 * 1024))[1]["length"] == 1024 * 1024


def refused(answer):
    status, body = answer
    assert status == 413
    assert body["error"]["code"] == "PAYLOAD_TOO_LARGE"
    assert body["message"] == f"the body is larger than {MOST} bytes"
    return True


def test_an_announced_length_is_refused_before_a_byte_of_it(port):
    assert refused(ask(port, HEAD + b"Content-Length: %d\r\n\r\n" % (MOST + 1)))
    assert refused(ask(port, HEAD + b"Expect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n"))


def test_a_body_in_chunks_is_refused_when_it_becomes_too_long(port):
    assert refused(ask(port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *chunks(8 * 1024 * 1024)))


def test_a_body_that_is_still_being_sent_does_not_hide_the_answer(port):
    assert refused(ask(port, HEAD + b"Content-Length: 20000000\r\n\r\n", b"x" * 20_000_000))


@pytest.mark.parametrize("body", [b"--b--\r\n", b"no form", b"--b\r\n\r\n"])
def test_a_form_is_for_the_application_to_read(port, body):
    head = HEAD + b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert ask(port, head + body)[1]["length"] == len(body)


@pytest.mark.parametrize("root", [b"//evil.example", b"/api", b"\xff"])
def test_no_client_says_where_we_are_mounted(port, root):
    answer = ask(port, b"GET / HTTP/1.1\r\nHost: localhost\r\nDaphne-Root-Path: " + root + b"\r\n\r\n")
    assert answer == (200, {"length": 0, "root_path": ""})
