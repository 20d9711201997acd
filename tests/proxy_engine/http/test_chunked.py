"""The chunked coding: whole, split at every byte, and everything that must not pass for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_engine.errors import BadMessage
from proxy_engine.http.chunked import LAST_CHUNK, MAX_SIZE_LINE, MAX_TRAILERS, ChunkedDecoder, encode


def decode(*pieces: bytes) -> tuple[bytes, ChunkedDecoder]:
    decoder = ChunkedDecoder()
    payload = b"".join(part for piece in pieces for part in decoder.feed(piece))
    return payload, decoder


def every_split(message: bytes):
    """The message whole, cut in two at each byte, and byte by byte."""
    yield [message]
    for at in range(1, len(message)):
        yield [message[:at], message[at:]]
    yield [message[at : at + 1] for at in range(len(message))]


GOOD = [
    (b"0\r\n\r\n", b""),
    (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
    (b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", b"abc"),
    (b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    (b"a\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    (b"0000000000000003\r\nabc\r\n000\r\n\r\n", b"abc"),
    (b"3;ext\r\nabc\r\n0;last=1\r\n\r\n", b"abc"),
    (b'3 \t;a="b;c"; d\r\nabc\r\n0\r\n\r\n', b"abc"),
    (b"3\r\n\r\n0\r\n0\r\n\r\n", b"\r\n0"),
    (b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", b"0\r\n\r\n"),
    (b"1\r\na\r\n0\r\nX-Sum: 1\r\nX-Empty:\r\n\r\n", b"a"),
]


@pytest.mark.parametrize(("message", "payload"), GOOD)
def test_it_decodes_however_the_message_is_split(message, payload):
    for pieces in every_split(message):
        result, decoder = decode(*pieces)
        assert result == payload
        assert decoder.is_done
        assert decoder.rest == b""


@pytest.mark.parametrize(("message", "payload"), GOOD)
def test_it_stops_at_the_end_and_keeps_what_follows(message, payload):
    following = b"GET / HTTP/1.1\r\n"
    for at in range(len(message) + len(following) + 1):
        whole = message + following
        result, decoder = decode(whole[:at], whole[at:])
        assert result == payload
        assert decoder.is_done
        assert following.endswith(decoder.rest)
        if at <= len(message) - 1:
            assert decoder.rest == following


@pytest.mark.parametrize(("message", "payload"), GOOD)
def test_a_cut_message_is_never_complete(message, payload):
    for at in range(len(message)):
        result, decoder = decode(message[:at])
        assert not decoder.is_done
        assert payload.startswith(result)


MALFORMED = [
    # sizes that ``int(text, 16)`` or ``strtol`` would read
    *(
        size + b"\r\na\r\n0\r\n\r\n"
        for size in (b"0x1", b"+1", b"-1", b"1_0", b" 1", b"1 ", b"\t1", b"1\t", b"01h", b"1.0")
    ),
    *(size + b"\r\na\r\n0\r\n\r\n" for size in ("١".encode(), "１".encode(), b"\xb9", b"", b" ", b"''", b"g", b"1,1")),
    b"10000000000000001\r\na\r\n0\r\n\r\n",  # 17 digits, would be 1 in 64 bits
    b"-0\r\n\r\n",
    # line ends
    b"1\na\r\n0\r\n\r\n",
    b"1\r\na\n0\r\n\r\n",
    b"1\r\na\r\n0\n\r\n",
    b"1\r\na\r\n0\r\n\n",
    b"1\ra\r\n0\r\n\r\n",
    b"1\r\r\na\r\n0\r\n\r\n",
    b"1\r\na\r0\r\n\r\n",
    b"1\r\na\r\r\n0\r\n\r\n",
    b"\r\n1\r\na\r\n0\r\n\r\n",
    b"1\r\na0\r\n\r\n",
    # payload longer than its size
    b"1\r\nab\r\n0\r\n\r\n",
    b"1\r\na\r\n\r\n0\r\n\r\n",
    b"0\r\na\r\n0\r\n\r\n",
    # extensions: "TERM.EXT", CR, NUL
    b"1;a\nb\r\na\r\n0\r\n\r\n",
    b"1;a\rb\r\na\r\n0\r\n\r\n",
    b"1;a\x00\r\na\r\n0\r\n\r\n",
    b"1a;\x7f\r\na\r\n0\r\n\r\n",
    b"1 ext\r\na\r\n0\r\n\r\n",
    b"1;" + b"e" * MAX_SIZE_LINE + b"\r\na\r\n0\r\n\r\n",
    # trailers
    b"0\r\nno colon\r\n\r\n",
    b"0\r\nX : a\r\n\r\n",
    b"0\r\n folded\r\n\r\n",
    b"0\r\nX: a\n\r\n",
    b"0\r\nX: a\rb\r\n\r\n",
    b"0\r\nX: a\x00\r\n\r\n",
    b"0\r\n: a\r\n\r\n",
    b"0\r\nGET / HTTP/1.1\r\n\r\n",
    b"0\r\nX: " + b"a" * MAX_TRAILERS + b"\r\n\r\n",
    b"0\r\n" + b"X: a\r\n" * MAX_TRAILERS + b"\r\n",
]


@pytest.mark.parametrize("message", MALFORMED, ids=lambda message: repr(message[:24]))
def test_a_malformed_message_is_refused_however_it_is_split(message):
    splits = (
        every_split(message) if len(message) < 100 else [[message], [message[i : i + 1] for i in range(len(message))]]
    )
    for pieces in splits:
        with pytest.raises(BadMessage) as caught:
            decode(*pieces)
        assert caught.value.status == 400


@pytest.mark.parametrize(
    ("message", "payload"),
    [
        (b"1;" + b"e" * (MAX_SIZE_LINE - 2) + b"\r\na\r\n0\r\n\r\n", b"a"),
        (b"0\r\nX:" + b"a" * (MAX_TRAILERS - 2) + b"\r\n\r\n", b""),
    ],
)
def test_the_limits_are_the_same_however_the_message_is_split(message, payload):
    for pieces in ([message], [message[at : at + 1] for at in range(len(message))]):
        result, decoder = decode(*pieces)
        assert (result, decoder.is_done) == (payload, True)


@pytest.mark.parametrize("endless", [b"1;" + b"e" * 10_000, b"0\r\nX: " + b"a" * 100_000, b"1\r\naX"])
def test_what_never_ends_is_not_held(endless):
    decoder = ChunkedDecoder()

    def feed_all():
        for at in range(len(endless)):
            decoder.feed(endless[at : at + 1])
            assert len(decoder.held) <= MAX_TRAILERS + 1

    with pytest.raises(BadMessage):
        feed_all()


def test_payload_passes_through_without_being_held():
    decoder = ChunkedDecoder()
    assert decoder.feed(b"ffffffff\r\nabc") == [b"abc"]
    assert decoder.feed(b"d" * 100_000) == [b"d" * 100_000]
    assert decoder.held == b""


@given(st.lists(st.lists(st.binary(max_size=40), max_size=4), max_size=6), st.data())
def test_what_was_encoded_is_decoded(batches, data):
    message = b"".join(map(encode, batches)) + LAST_CHUNK
    cuts = sorted(data.draw(st.sets(st.integers(0, len(message)), max_size=8)))
    pieces = [message[start:end] for start, end in zip([0, *cuts], [*cuts, len(message)], strict=True)]
    payload, decoder = decode(*pieces)
    assert decoder.is_done
    assert payload == b"".join(piece for batch in batches for piece in batch)


def test_no_bytes_are_no_chunk():
    assert encode([]) == encode([b""]) == b""


CHUNKISH = st.lists(
    st.sampled_from([b"0", b"1", b"5", b"a", b"\r\n", b"\r", b"\n", b";", b" ", b"x", b"X: y", b"\x00", b"0\r\n\r\n"]),
    max_size=14,
).map(b"".join)


@given(CHUNKISH)
def test_the_verdict_does_not_depend_on_the_split(message):
    verdicts = set()
    for pieces in every_split(message):
        try:
            payload, decoder = decode(*pieces)
            verdicts.add((payload, decoder.is_done, decoder.is_done and len(decoder.rest) > 0))
        except BadMessage:
            verdicts.add("refused")
    finished = {verdict for verdict in verdicts if verdict != "refused" and verdict[1]}
    assert not finished or len({verdict if verdict == "refused" else verdict[:2] for verdict in verdicts}) == 1


@given(CHUNKISH)
def test_a_complete_message_is_one_by_the_book(message):
    """Against a reading of RFC 9112 §7.1 that is as plain as can be."""
    try:
        payload, decoder = decode(message)
    except BadMessage:
        return
    if decoder.is_done:
        assert by_the_book(message[: len(message) - len(decoder.rest)]) == payload


def by_the_book(message: bytes) -> bytes:
    payload = b""
    while True:
        line, end, message = message.partition(b"\r\n")
        digits = line.partition(b";")[0].rstrip(b" \t") if b";" in line else line
        assert end
        assert digits.isalnum()
        size = int(digits, 16)
        if size == 0:
            break
        payload += message[:size]
        assert message[size : size + 2] == b"\r\n"
        message = message[size + 2 :]
    while message != b"\r\n":
        trailer, end, message = message.partition(b"\r\n")
        assert end
        assert b":" in trailer
    return payload
