"""Where a request ends has one reading or none: the ways of smuggling one request inside another."""

from __future__ import annotations

import pytest

from proxy_engine.http.request_block import parse_block
from tests.proxy_engine.builders import a_block, a_request

from .heads import HOST, forwarded, status_of


@pytest.mark.parametrize(
    ("lines", "length", "is_chunked", "framing"),
    [
        ([], -1, False, []),
        (["Content-Length: 0"], 0, False, ["Content-Length: 0"]),
        (["content-length:5"], 5, False, ["Content-Length: 5"]),
        (["Content-Length: \t007 "], 7, False, ["Content-Length: 7"]),
        (["Content-Length: 999999999999999999"], 10**18 - 1, False, ["Content-Length: 999999999999999999"]),
        (["Transfer-Encoding: chunked"], -1, True, ["Transfer-Encoding: chunked"]),
        (["transfer-encoding:\tCHUNKED "], -1, True, ["Transfer-Encoding: chunked"]),
    ],
)
def test_it_writes_the_framing_anew(lines, length, is_chunked, framing):
    block = parse_block(a_block(HOST, *lines))
    assert (block.length, block.chunked) == (length, is_chunked)
    assert forwarded(*lines) == framing


BAD_LENGTHS = [
    "",
    " ",
    "+5",
    "-5",
    "-0",
    "5 5",
    "5,5",
    "5, 5",
    "0x5",
    "5_0",
    "5.0",
    "1e3",
    "five",
    "5;a",
    '"5"',
    "\xb2",
    "5\x0b",
]


@pytest.mark.parametrize("value", [*BAD_LENGTHS, "9" * 19, "9" * 5000])
def test_it_refuses_a_malformed_content_length(value):
    assert status_of(block=a_block(HOST, f"Content-Length: {value}")) == 400


CODINGS = ["", "chun ked", "c\xfchunked", "chunked, chunked", "identity, chunked", "gzip, chunked"]
CODINGS += ["identity", "gzip", "xchunked", "chunkedx", "chunked,", ",chunked", "chunked,identity", "chunked;q=1"]
CODINGS += ['"chunked"', "0"]


@pytest.mark.parametrize("value", CODINGS)
def test_the_only_transfer_coding_is_one_chunked(value):
    assert status_of(block=a_block(HOST, f"Transfer-Encoding: {value}")) == 501


@pytest.mark.parametrize(
    "value", ["chunked\x0b", "\x0bchunked", "chunked\x00", "chunked\r", "chunked\n", "\nchunked", "\x7fchunked"]
)
def test_no_control_character_hides_in_a_transfer_coding(value):
    assert status_of(block=a_block(HOST, f"Transfer-Encoding: {value}")) == 400


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 5"],
        ["Transfer-Encoding: chunked", "Content-Length: 0"],
        ["content-length: 5", "transfer-encoding: CHUNKED"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
        ["Content-Length: 5", "Content-Length: 5"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: 0", "content-length: 5"],
    ],
)
def test_a_message_has_one_framing(lines):
    assert status_of(block=a_block(HOST, *lines)) == 400


@pytest.mark.parametrize("second", ["identity", "gzip", ""])
def test_a_second_transfer_coding_is_refused_whatever_it_says(second):
    for lines in (
        ["Transfer-Encoding: chunked", f"Transfer-Encoding: {second}"],
        [f"Transfer-Encoding: {second}", "Transfer-Encoding: chunked"],
    ):
        assert status_of(block=a_block(HOST, *lines)) in (400, 501)


def test_http10_knows_no_transfer_coding():
    assert status_of(b"POST / HTTP/1.0", a_block(HOST, "Transfer-Encoding: chunked")) == 400


@pytest.mark.parametrize(
    "line",
    [
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "\tTransfer-Encoding: chunked",
        "Transfer-Encoding\x00: chunked",
        "Transfer\rEncoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\r\r\nTransfer-Encoding: chunked",
        "X: y\r\n continued",
        "X: y\r\n\tcontinued",
        "X: y\r\n \r\nTransfer-Encoding: chunked",
        "X:\r\n Transfer-Encoding: chunked",
        "Transfer-Encoding",
        ": chunked",
        "X: \x00",
        "X\xa0: y",
    ],
)
def test_nothing_that_looks_like_a_field_to_somebody_else_gets_through(line):
    assert status_of(block=a_block(HOST, line)) == 400
    assert status_of(block=a_block(line, HOST)) == 400


TWINS = ["Content_Length", "Transfer_Encoding", "TRANSFER_ENCODING", "Transfer.Encoding", "Proxy_Connection"]
TWINS += ["X_Real_IP", "X_Forwarded_For", "X-Forwarded_For", "X.Forwarded.Proto", "x~forwarded~host"]


@pytest.mark.parametrize("name", TWINS)
def test_twins_that_servers_fold_into_a_field_of_ours_are_dropped(name):
    block = parse_block(a_block(HOST, f"{name}: 5"))
    assert (block.length, block.chunked, block.forwarded) == (-1, False, {})
    assert forwarded(f"{name}: 5") == []


def test_a_twin_is_no_second_field():
    assert forwarded("Content-Length: 5", "Content_Length: 6") == ["Content-Length: 5"]
    assert a_request("Host: a", "HO_ST: b").host == b"a"
