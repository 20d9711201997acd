"""Frames between supervisor and workers: however they are split, what goes in comes out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_engine.sources import ChangeRow, HealthFact, Snapshot
from proxy_engine.workers import link
from tests.proxy_engine.builders import an_id, values

FACT = HealthFact(an_id(1), False, "http 503", 1_700_000_000.5, by_person=True)


class Transport:
    def __init__(self):
        self.sent = b""
        self.is_closed = False

    def write(self, data):
        assert not self.is_closed
        self.sent += data

    def is_closing(self):
        return self.is_closed


def received(*pieces: bytes) -> list[dict]:
    frames: list[dict] = []
    end = link.Link(frames.append, lambda: None)
    for piece in pieces:
        end.data_received(piece)
    return frames


def body_of(frame: bytes) -> dict:
    [body] = received(frame)
    return body


def test_frames_arrive_however_they_are_split():
    sent = [{"t": "ready"}, {"t": "report", "text": "größe \ud800"}, {}, {"t": "drain"}]
    stream = b"".join(map(link.encode, sent))
    assert received(stream) == sent
    assert received(*(stream[at : at + 1] for at in range(len(stream)))) == sent
    for at in range(len(stream)):
        assert received(stream[:at], stream[at:]) == sent


def test_a_frame_that_is_not_whole_is_not_handed_on():
    frame = link.encode({"t": "ready"})
    for at in range(len(frame)):
        assert received(frame[:at]) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=4), st.data())
def test_what_was_encoded_is_received(sent, data):
    stream = b"".join(map(link.encode, sent))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=6)))
    assert received(*(stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True))) == sent


def test_a_frame_of_megabytes_passes():
    frame = {"t": "snapshot", "text": "a" * 5_000_000}
    stream = link.encode(frame)
    assert received(*(stream[at : at + 65536] for at in range(0, len(stream), 65536))) == [frame]


def test_a_snapshot_survives_the_way():
    snapshot = Snapshot(7, {"services": [values("services")], "routes": [values("routes")]}, [FACT], 9)
    frame = body_of(link.snapshot_frame(snapshot))
    assert frame["t"] == "snapshot"
    assert link.snapshot_from_json(frame) == snapshot
    assert link.snapshot_from_json(json.loads(json.dumps(link.snapshot_to_json(snapshot)))) == snapshot


def test_changes_survive_the_way():
    rows = [ChangeRow(8, "targets", an_id(2), values("targets")), ChangeRow(8, "routes", an_id(3), None)]
    frame = body_of(link.changes_frame(8, rows))
    assert (frame["t"], frame["version"]) == ("changes", 8)
    assert link.changes_from_json(frame) == rows


def test_health_survives_the_way():
    frame = body_of(link.health_frame([FACT]))
    assert frame["t"] == "health"
    assert link.health_from_json(frame) == [FACT]


@pytest.mark.parametrize("broken", [{}, {"version": 1}, [], 5, {"version": 1, "entities": {}, "health": [[1]]}])
def test_what_is_no_snapshot_raises_what_readers_expect(broken):
    with pytest.raises((KeyError, TypeError)):
        link.snapshot_from_json(broken)


def test_it_tells_of_the_other_sides_end():
    ended = []
    link.Link(lambda frame: None, lambda: ended.append(True)).connection_lost(None)
    assert ended == [True]


def test_nothing_is_written_to_a_closing_transport():
    end, transport = link.Link(lambda frame: None, lambda: None), Transport()
    end.connection_made(transport)
    end.send(b"a")
    transport.is_closed = True
    end.send(b"b")
    assert transport.sent == b"a"
