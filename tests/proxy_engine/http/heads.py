"""Asking the request parser: what it refuses with which status, and what it passes on."""

from __future__ import annotations

import pytest

from proxy_engine.errors import BadMessage
from proxy_engine.http.request import parse_head
from tests.proxy_engine.builders import a_block

HOST = "Host: example.com"


def status_of(line: bytes = b"GET / HTTP/1.1", block: bytes = b"Host: example.com") -> int:
    with pytest.raises(BadMessage) as caught:
        parse_head(line, block, None)
    return caught.value.status


def forwarded(*lines: str) -> list[str]:
    """The lines passed on; a Host is added, so that only what the test is about is there."""
    forward = parse_head(b"GET / HTTP/1.1", a_block(HOST, *lines), None).forward.decode("latin-1")
    assert forward == "" or forward.endswith("\r\n")
    return forward.split("\r\n")[:-1]
