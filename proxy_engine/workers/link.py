"""How supervisor and workers talk: JSON frames over a socket pair, each behind its length (4 bytes, big-endian).

Supervisor → worker: ``snapshot``, ``changes``, ``health``, ``inspect``, ``reopen``, ``drain``. Worker → supervisor:
``ready``, ``applied``, ``report``, ``flip``, ``inspected``, ``leaving``. Both ends run the same code version, and the
pair is private: no frame is ever untrusted.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Callable
from dataclasses import astuple
from typing import Any

from proxy_engine.sources import ChangeRow, HealthFact, HealthFlip, Snapshot

_LENGTH = struct.Struct(">I")


def encode(frame: dict[str, Any]) -> bytes:
    body = json.dumps(frame, separators=(",", ":")).encode()
    return _LENGTH.pack(len(body)) + body


def snapshot_frame(snapshot: Snapshot) -> bytes:
    return encode({"t": "snapshot", **snapshot_to_json(snapshot)})


def changes_frame(version: int, rows: list[ChangeRow]) -> bytes:
    return encode({"t": "changes", "version": version, "rows": [[r.kind, r.entity_id, r.after] for r in rows]})


def health_frame(facts: list[HealthFact]) -> bytes:
    return encode({"t": "health", "facts": [_fact_to_json(fact) for fact in facts]})


def flip_frame(flip: HealthFlip) -> bytes:
    return encode({"t": "flip", "flip": list(astuple(flip))})


def snapshot_to_json(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "version": snapshot.version,
        "entities": snapshot.entities,
        "health": [_fact_to_json(fact) for fact in snapshot.health],
        "health_seq": snapshot.health_seq,
    }


def snapshot_from_json(frame: dict[str, Any]) -> Snapshot:
    """Raises KeyError or TypeError when it is no snapshot."""
    facts = [HealthFact(*fact) for fact in frame["health"]]
    return Snapshot(frame["version"], frame["entities"], facts, frame["health_seq"])


def changes_from_json(frame: dict[str, Any]) -> list[ChangeRow]:
    return [ChangeRow(frame["version"], kind, id, after) for kind, id, after in frame["rows"]]


def health_from_json(frame: dict[str, Any]) -> list[HealthFact]:
    return [HealthFact(*fact) for fact in frame["facts"]]


def flip_from_json(frame: dict[str, Any]) -> HealthFlip:
    return HealthFlip(*frame["flip"])


def _fact_to_json(fact: HealthFact) -> list[Any]:
    return [fact.target_id, fact.healthy, fact.cause, fact.since, fact.by_person]


class Link(asyncio.Protocol):
    """One end. ``on_frame`` gets each frame as it is complete, ``on_close`` the end of the other side."""

    def __init__(self, on_frame: Callable[[dict[str, Any]], None], on_close: Callable[[], None]) -> None:
        self.on_frame = on_frame
        self.on_close = on_close
        self.transport: asyncio.Transport | None = None
        self._held = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self.on_close()

    def data_received(self, data: bytes) -> None:
        self._held += data
        at = 0
        while len(self._held) - at >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._held, at)
            end = at + _LENGTH.size + size
            if len(self._held) < end:
                break
            frame = json.loads(bytes(self._held[at + _LENGTH.size : end]))
            at = end
            self.on_frame(frame)
        del self._held[:at]

    @property
    def is_congested(self) -> bool:
        """The other side has not read what was sent to it."""
        return self.transport.get_write_buffer_size() > 0

    def send(self, frame: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(frame)
