"""What clients send, in a log: one line, printable, and the same bytes after reading it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_engine.telemetry.escape import in_json, in_quotes

PRINTABLE = set(range(0x20, 0x7F))


@pytest.mark.parametrize(
    ("raw", "json_text", "quoted"),
    [
        (b"/plain?a=b&c='d'", b"/plain?a=b&c='d'", b"/plain?a=b&c='d'"),
        (b'"', b'\\"', b"\\x22"),
        (b"\\", b"\\\\", b"\\x5C"),
        (b"a\r\nb", b"a\\r\\nb", b"a\\x0D\\x0Ab"),
        (b"\x1b[2J", b"\\u001b[2J", b"\\x1B[2J"),
        (b"\x7f", b"\\u007f", b"\\x7F"),
        ("é".encode(), b"\\u00e9", b"\\xC3\\xA9"),
        ("\u2028\u202e".encode(), b"\\u2028\\u202e", b"\\xE2\\x80\\xA8\\xE2\\x80\\xAE"),
        (b"\xff", b"\\\\xff", b"\\xFF"),
    ],
)
def test_what_is_not_plain_is_escaped(raw, json_text, quoted):
    assert (in_json(raw), in_quotes(raw)) == (json_text, quoted)


@given(st.binary())
def test_nothing_but_printable_ascii_comes_out(raw):
    assert set(in_json(raw)) | set(in_quotes(raw)) <= PRINTABLE
    assert b'"' not in in_quotes(raw)
    assert isinstance(json.loads(b'"%b"' % in_json(raw)), str)


@given(st.text().filter(lambda text: "\\x" not in text))
def test_json_gives_back_what_was_text(text):
    raw = text.encode("utf-8", "surrogatepass")
    if "\ud800" <= max(text, default="") <= "\udfff" or any("\ud800" <= char <= "\udfff" for char in text):
        return
    assert json.loads(b'"%b"' % in_json(raw)) == text
