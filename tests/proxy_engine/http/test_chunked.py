"""The chunked coding: whole, split at every byte, and everything that must not pass for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_engine.errors import BadMessage
from proxy_engine.http.chunked import CHUNKS_AT_ONCE, LAST_CHUNK, MAX_SIZE_LINE, ChunkedDecoder, encode
from proxy_engine.http.limits import DEFAULTS, MessageLimits

MAX_TRAILERS = DEFAULTS.trailer_bytes


def decode(*pieces: bytes, **options) -> tuple[bytes, ChunkedDecoder]:
    decoder = ChunkedDecoder(**options)
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
    # sizes that are those of the chunk before, or begin like them, or are a payload that looks like them
    (b"2\r\nab\r\n2\r\ncd\r\n2\r\nef\r\n1\r\ng\r\n0\r\n\r\n", b"abcdefg"),
    (b"1;x\r\na\r\n1;x\r\nb\r\n1\r\nc\r\n1;x\r\nd\r\n0\r\n\r\n", b"abcd"),
    (b"3\r\n3\r\n\r\n3\r\n3\r\n\r\n03\r\nabc\r\n0\r\n\r\n", b"3\r\n3\r\nabc"),
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
    b"2\r\nab\r\n2\r\ncde\r\n0\r\n\r\n",
    b"2\r\nab\r\n2\r\nc\r\n2\r\nde\r\n0\r\n\r\n",
    b"\na\r\n0\r\n\r\n",
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


TOO_MANY_TRAILERS = [
    b"0\r\nX: " + b"a" * MAX_TRAILERS + b"\r\n\r\n",
    b"0\r\n" + (b"X: " + b"a" * 4000 + b"\r\n") * 3 + b"\r\n",
    b"0\r\n" + b"X: a\r\n" * (DEFAULTS.trailers + 1) + b"\r\n",
]


@pytest.mark.parametrize("message", TOO_MANY_TRAILERS, ids=len)
def test_too_many_trailer_fields_are_431_however_they_are_split(message):
    for pieces in ([message], [message[at : at + 1] for at in range(len(message))]):
        with pytest.raises(BadMessage) as caught:
            decode(*pieces)
        assert caught.value.status == 431


def test_the_limits_on_trailer_fields_are_the_callers():
    limits = MessageLimits(trailers=1, trailer_bytes=10)
    assert decode(b"0\r\nA: 3456789\r\n\r\n", limits=limits)[1].is_done
    for message in (b"0\r\nA: 34567890\r\n\r\n", b"0\r\nA:1\r\nB:2\r\n\r\n"):
        with pytest.raises(BadMessage):
            decode(message, limits=limits)


def test_trailer_fields_are_kept_apart_however_the_message_is_split():
    for pieces in every_split(b"1\r\na\r\n0\r\nX-Sum: 1 \r\nX-Empty:\r\n\r\n"):
        payload, decoder = decode(*pieces)
        assert (payload, decoder.trailers) == (b"a", [b"X-Sum: 1 ", b"X-Empty:"])


class TestTheMostPayload:
    MESSAGE = b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"

    def test_as_many_bytes_are_read(self):
        for pieces in every_split(self.MESSAGE):
            payload, decoder = decode(*pieces, most=6)
            assert (payload, decoder.is_done, decoder.payload_bytes) == (b"abcdef", True, 6)

    def test_one_more_is_413(self):
        for pieces in every_split(self.MESSAGE):
            with pytest.raises(BadMessage) as caught:
                decode(*pieces, most=5)
            assert caught.value.status == 413

    def test_the_size_of_a_chunk_is_enough_to_know(self):
        with pytest.raises(BadMessage) as caught:
            decode(b"ffffffffffffffff\r\n", most=5)
        assert caught.value.status == 413

    def test_what_has_come_is_counted_as_it_comes(self):
        decoder = ChunkedDecoder()
        counts = []
        for byte in self.MESSAGE:
            decoder.feed(bytes((byte,)))
            counts.append(decoder.payload_bytes)
        assert counts == [0, 0, 0, 1, 2, 3, 3, 3, 3, 3, 3, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6]


class TestManyChunks:
    """One byte a chunk: six bytes each."""

    COUNT = 3 * CHUNKS_AT_ONCE
    MESSAGE = b"1\r\na\r\n" * COUNT + b"0\r\n\r\n" + b"GET /"

    def test_so_many_are_read_at_once(self):
        decoder = ChunkedDecoder()
        turns = [len(decoder.feed(self.MESSAGE))]
        while decoder.has_more:
            assert not decoder.is_done
            turns.append(len(decoder.feed(b"")))
        assert turns == [CHUNKS_AT_ONCE] * 3 + [0]
        assert (decoder.is_done, decoder.rest) == (True, b"GET /")

    def test_or_all_where_the_sender_is_trusted(self):
        decoder = ChunkedDecoder()
        assert b"".join(decoder.feed_all(self.MESSAGE)) == b"a" * self.COUNT
        assert decoder.is_done

    def test_what_comes_in_between_is_in_its_place(self):
        decoder = ChunkedDecoder()
        first = decoder.feed(b"1\r\na\r\n" * (CHUNKS_AT_ONCE + 1))
        second = decoder.feed(b"1\r\nb\r\n")
        assert (b"".join(first + second), decoder.has_more) == (b"a" * (CHUNKS_AT_ONCE + 1) + b"b", False)

    def test_with_all_of_them_read_there_is_no_more(self):
        decoder = ChunkedDecoder()
        decoder.feed(b"1\r\na\r\n" * CHUNKS_AT_ONCE)
        assert not decoder.has_more

    def test_half_a_chunk_behind_them_is_none(self):
        decoder = ChunkedDecoder()
        decoder.feed(b"1\r\na\r\n" * (CHUNKS_AT_ONCE + 1) + b"1")
        assert decoder.has_more
        decoder.feed(b"")
        assert (decoder.has_more, decoder.held) == (False, b"1")

    def test_a_mistake_behind_them_is_found(self):
        decoder = ChunkedDecoder()
        decoder.feed(b"1\r\na\r\n" * CHUNKS_AT_ONCE + b"-1\r\n")
        with pytest.raises(BadMessage):
            decoder.feed(b"")


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
