"""Heads in pieces and in company: wherever the network cuts, and whatever came before, the same requests are read."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest

from proxy_engine.http.request import RequestHead
from proxy_engine.server.client import WAITING, ClientConnection
from proxy_engine.settings import Limits
from tests.proxy_engine.http.test_request_fuzz import CORPUS, mutated

HEADS_OF_A_SEED = 60


class Reader(ClientConnection):
    """Notes what it reads instead of serving it; the rest of the bytes is the next request."""

    __slots__ = ("read",)

    def __init__(self) -> None:
        super().__init__(SimpleNamespace(limits=Limits(), now=0.0), "http")
        self.read: list[tuple] = []

    def _begin(self, head: RequestHead, data: bytes, body_at: int) -> None:
        self.head, self.phase = head, WAITING
        self.read.append((head.method, head.target, head.host, head.is_http10, head.forward, head.block.length))
        if data[body_at:]:
            self._head_bytes(data[body_at:])

    def _refuse_head(self, status: int, reason: str = "") -> None:
        self.read.append((status,))
        self.phase = WAITING + 100  # nothing more is read

    def take(self, *pieces: bytes) -> list[tuple]:
        for piece in pieces:
            self.data_received(piece)
        return self.read


@pytest.mark.parametrize("head", CORPUS, ids=range(len(CORPUS)))
def test_a_head_is_the_same_wherever_it_is_cut(head):
    data = head + b"\r\n\r\n"
    whole = Reader().take(data)
    assert whole
    for at in range(1, len(data)):
        assert Reader().take(data[:at], data[at:]) == whole
    assert Reader().take(*(data[at : at + 1] for at in range(len(data)))) == whole


@pytest.mark.parametrize("seed", range(4))
def test_so_are_hostile_ones(seed):
    chance = random.Random(seed)
    for _ in range(HEADS_OF_A_SEED):
        data = mutated(chance) + b"\r\n\r\n"
        whole = Reader().take(data)
        for at in range(1, len(data)):
            assert Reader().take(data[:at], data[at:]) == whole


@pytest.mark.parametrize("seed", range(4))
def test_what_a_connection_remembers_reads_no_head_otherwise(seed):
    """Each head alone on a connection of its own, and one behind the other."""
    chance, reader = random.Random(50 + seed), Reader()
    for _ in range(20 * HEADS_OF_A_SEED):
        data = mutated(chance) + b"\r\n\r\n"
        reader.phase, reader.held, reader.read = WAITING, b"", []
        alone = Reader().take(data)
        assert reader.take(data) == alone
