"""The gateway's own answers: Kong's words in the format that the client prefers."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from proxy_engine.http.reply import MESSAGES, error_response, preferred_type, redirect_response

ID = "0123456789abcdef0123456789abcdef"
JSON, HTML, XML, TEXT = "application/json", "text/html", "application/xml", "text/plain"


def answer(status=404, message=None, *, accept=None, close=False, **kw):
    """Status line, fields by lower-case name, body."""
    head, body = error_response(status, message, accept=accept, request_id=ID, close=close, **kw)
    assert head.endswith(b"\r\n\r\n")
    line, *fields = head[:-4].decode().split("\r\n")
    return line, {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}, body.decode()


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, JSON),
        (b"", JSON),
        (b"*/*", JSON),
        (b"application/json", JSON),
        (b"application/*", JSON),
        (b"text/html", HTML),
        (b"TEXT/HTML", HTML),
        (b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML),
        (b"text/plain;q=0.5, application/json;q=0.4", TEXT),
        (b"text/*", TEXT),
        (b"application/xml", XML),
        (b"text/xml;charset=utf-8", XML),
        (b"text/html;q=0, text/plain;q=0.001", TEXT),
        (b"text/html; q=0.2, text/plain; q=0.3", TEXT),
        (b"image/png", JSON),
        (b"text/html;q=nan", JSON),
        (b"text/html;q=x, text/plain;q=0.1", TEXT),
        (b"text/plain;q=0.5, text/html;q=inf", HTML),
        (b"\xff\xfe;;;q=,,,=", JSON),
        (b"x/y," * 4000 + b"text/html", JSON),
    ],
)
def test_the_format_is_the_one_the_client_prefers(accept, media_type):
    assert preferred_type(accept) == media_type
    assert answer(accept=accept)[1]["content-type"] == f"{media_type}; charset=utf-8"


def test_json_is_kongs_template():
    assert answer()[2] == f'{{\n  "message":"no Route matched with those values",\n  "request_id":"{ID}"\n}}'


def test_every_format_says_what_happened_and_to_which_request():
    assert json.loads(answer(503)[2]) == {"message": MESSAGES[503], "request_id": ID}
    assert answer(503, accept=b"text/plain")[2] == f"{MESSAGES[503]}\nrequest_id: {ID}\n"
    root = ElementTree.fromstring(answer(503, accept=b"application/xml")[2].encode())
    assert [(child.tag, child.text) for child in root] == [("message", MESSAGES[503]), ("requestid", ID)]
    assert f"<p>{MESSAGES[503]}.</p>" in answer(503, accept=b"text/html")[2]


@pytest.mark.parametrize("status", sorted(MESSAGES))
def test_every_status_makes_a_whole_response(status):
    line, fields, body = answer(status)
    assert line.startswith(f"HTTP/1.1 {status} ")
    assert fields["content-length"] == str(len(body))


def test_a_status_without_words_of_its_own_has_those_of_the_registry():
    assert json.loads(answer(426)[2])["message"] == "Upgrade Required"


def test_a_message_can_be_given():
    assert json.loads(answer(503, "name resolution failed")[2])["message"] == "name resolution failed"


@pytest.mark.parametrize(("close", "connection"), [(True, "close"), (False, "keep-alive")])
def test_it_says_whether_the_connection_goes_on(close, connection):
    assert answer(close=close)[1]["connection"] == connection


def test_an_answer_to_head_has_the_length_but_no_body():
    _, fields, body = answer(head_only=True)
    assert int(fields["content-length"]) == len(answer()[2])
    assert body == ""


def test_further_fields_stand_in_the_head():
    assert answer(426, extra=b"Upgrade: TLS/1.2, HTTP/1.1\r\n")[1]["upgrade"] == "TLS/1.2, HTTP/1.1"


@pytest.mark.parametrize(("close", "connection"), [(True, b"close"), (False, b"keep-alive")])
def test_a_redirect_has_a_place_and_no_body(close, connection):
    raw = redirect_response(308, b"https://a.test/x?y", close=close, extra=b"X-Kong-Request-Id: x\r\n")
    assert raw.startswith(b"HTTP/1.1 308 Permanent Redirect\r\n")
    assert b"\r\nLocation: https://a.test/x?y\r\n" in raw
    assert b"\r\nContent-Length: 0\r\n" in raw
    assert b"\r\nX-Kong-Request-Id: x\r\n" in raw
    assert b"\r\nConnection: %b\r\n" % connection in raw
    assert raw.endswith(b"\r\n\r\n")
