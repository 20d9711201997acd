"""Whatever clients and targets do, in whatever order: nothing is left in flight, nobody waits for ever, and what a
client gets is either byte-exact or visibly cut."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.proxy_engine.support.client import Cut, RawClient, a_request, chunked
from tests.proxy_engine.support.targets import CHUNKED_HEAD, Visit, a_response, let_others_run
from tests.proxy_engine.support.waiting import until

CONVERSATIONS = 60  # per seed
AT_ONCE = 12

BUSY = b"ask another one"

GATEWAYS_OWN = {400, 408, 502, 503, 504}


def body_of(name: str, size: int) -> bytes:
    """What the target gives for ``/name/size``: nobody else's."""
    return (name.encode() * (size // len(name) + 1))[:size]


class Unreliable:
    """A target's script: answers ``/name/size`` with its body, in one of many ways; sometimes badly."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    async def __call__(self, visit: Visit) -> None:
        while True:
            behave = self.chance.choice(self.BEHAVIOURS)
            head = await visit.head()
            name, size = head.split(b" ")[1].decode().strip("/").split("/")
            if await behave(self, visit, head, body_of(name, int(size))):
                return

    async def _send_in_pieces(self, visit: Visit, raw: bytes) -> None:
        cuts = sorted(self.chance.randrange(len(raw) + 1) for _ in range(self.chance.randrange(4)))
        for begin, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
            if begin < end:
                await visit.send(raw[begin:end])

    async def well(self, visit: Visit, head: bytes, body: bytes) -> bool:
        await visit.body(head)
        await self._send_in_pieces(visit, a_response(body))
        return False

    async def in_chunks(self, visit: Visit, head: bytes, body: bytes) -> bool:
        await visit.body(head)
        middle = self.chance.randrange(len(body) + 1)
        pieces = [piece for piece in (body[:middle], body[middle:]) if piece]
        await self._send_in_pieces(visit, CHUNKED_HEAD + chunked(*pieces))
        return False

    async def busy(self, visit: Visit, head: bytes, body: bytes) -> bool:
        """Sends the client to another target, where the upstream says so."""
        await visit.body(head)
        await self._send_in_pieces(visit, a_response(BUSY, status=b"503 Service Unavailable"))
        return False

    async def busy_and_lying(self, visit: Visit, head: bytes, body: bytes) -> bool:
        await self._send_in_pieces(visit, a_response(BUSY, status=b"503 Service Unavailable", length=100))
        return True

    async def until_close(self, visit: Visit, head: bytes, body: bytes) -> bool:
        await visit.body(head)
        await self._send_in_pieces(visit, b"HTTP/1.1 200 OK\r\n\r\n" + body)
        visit.close()
        return True

    async def early(self, visit: Visit, head: bytes, body: bytes) -> bool:
        await self._send_in_pieces(visit, a_response(body))
        if self.chance.random() < 0.5:
            return True
        await visit.body(head)
        return False

    async def with_surplus(self, visit: Visit, head: bytes, body: bytes) -> bool:
        await visit.body(head)
        await visit.send(a_response(body) + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")
        return False

    async def cut_short(self, visit: Visit, head: bytes, body: bytes) -> bool:
        raw = self.chance.choice((a_response(body), CHUNKED_HEAD + chunked(body, ended=False)))
        await visit.send(raw[: self.chance.randrange(len(raw))] or b"H")
        self.chance.choice((visit.close, visit.reset))()
        return True

    async def resetting(self, visit: Visit, head: bytes, body: bytes) -> bool:
        visit.reset()
        return True

    async def closing(self, visit: Visit, head: bytes, body: bytes) -> bool:
        await visit.body(head)
        visit.close()
        return True

    async def nonsense(self, visit: Visit, head: bytes, body: bytes) -> bool:
        await visit.send(self.chance.choice((b"nonsense\r\n\r\n", b"\0" * 100, CHUNKED_HEAD + b"x\r\n")))
        await visit.gone()
        return True

    async def never(self, visit: Visit, head: bytes, body: bytes) -> bool:
        await visit.gone()
        return True

    BEHAVIOURS = (well,) * 8 + (in_chunks,) * 4 + (
        until_close, early, with_surplus, busy, busy_and_lying, cut_short, resetting, closing, nonsense, never,
    )  # fmt: skip


class Conversation:
    """One client: a few requests on one connection, sent in odd pieces; it may leave at any time."""

    def __init__(self, name: str, chance: random.Random, port: int) -> None:
        self.name = name
        self.chance = chance
        self.port = port
        self.whole = 0
        self.cut = 0

    async def run(self) -> None:
        client = await RawClient.connect(self.port)
        try:
            for n in range(self.chance.randrange(1, 6)):
                if not await self._exchange(client, f"{self.name}-{n}"):
                    return
        except (Cut, ConnectionError):
            self.cut += 1
        finally:
            self.chance.choice((client.close, client.reset))()

    async def _exchange(self, client: RawClient, name: str) -> bool:
        """Whether another may follow."""
        size = self.chance.choice((0, 1, 100, 10_000, 300_000))
        method = self.chance.choice(("GET", "GET", "HEAD", "PUT", "POST"))
        await self._send(client, self._request(method, f"/{name}/{size}"))
        if self.chance.random() < 0.1:
            return False  # leaves without waiting
        response = await client.response(method)
        if response.status == 200:
            assert response.body == (b"" if method == "HEAD" else body_of(name, size))
            self.whole += 1
        else:
            assert response.status in GATEWAYS_OWN
        return response.field(b"connection") != b"close"

    def _request(self, method: str, path: str) -> bytes:
        if method in ("GET", "HEAD"):
            return a_request(path, method=method)
        body = b"b" * self.chance.choice((0, 10, 100_000))
        if self.chance.random() < 0.5:
            return a_request(path, method=method, body=body)
        return a_request(path, b"Transfer-Encoding: chunked", method=method) + chunked(*([body] if body else []))

    async def _send(self, client: RawClient, raw: bytes) -> None:
        at = self.chance.randrange(len(raw))
        client.send(raw[:at])
        if self.chance.random() < 0.5:
            await let_others_run()
        if self.chance.random() < 0.03:
            raise ConnectionError("leaves in the middle of its request")
        client.send(raw[at:])


def rules_by(chance: random.Random) -> dict:
    """What an upstream may ask for, beyond Kong's retries."""
    return {
        "statuses": chance.choice(([], [503])),
        "on_read_timeout": chance.random() < 0.5,
        "backoff": chance.choice((0, 1, 500)),
        "max_backoff": chance.choice((1, 1000)),
        "total_timeout": chance.choice((0, 500, 3000)),
        "budget": chance.choice((0, 1, 20)),
        "budget_min": chance.choice((0, 1, 3)),
    }


@pytest.mark.parametrize("seed", range(8))
async def test_nothing_is_left_behind(make_gateway, target, seed):
    chance = random.Random(seed)
    gateway = await make_gateway()
    targets = [await target(Unreliable(chance)) for _ in range(3)]
    upstream = {"retry": rules_by(chance)}
    scene = gateway.serve(*targets, read_timeout=1000, connect_timeout=1000, upstream=upstream)
    budgets = gateway.engine.compiler.budgets  # all there ever were: an upstream's goes only with the upstream
    conversations = [Conversation(f"c{n}", chance, gateway.port) for n in range(CONVERSATIONS)]
    permits = asyncio.Semaphore(AT_ONCE)

    async def one(conversation: Conversation) -> None:
        async with permits:
            await conversation.run()

    running = asyncio.gather(*map(one, conversations))
    while not running.done():
        await asyncio.wait([running], timeout=0.05)
        gateway.pass_time(chance.choice((0, 0.3, 2)))  # some wait for targets that never answer
        if chance.random() < 0.3:
            gateway.apply(("services", scene.service | {"retries": chance.randrange(4), "read_timeout": 1000}))
        if chance.random() < 0.1:
            gateway.apply(("upstreams", scene.upstream | {"retry": scene.upstream["retry"] | rules_by(chance)}))
        assert all(budget.under_way >= 0 for budget in budgets.values())
    await running

    await until(lambda: gateway.pass_time(2) or gateway.is_at_rest())  # clients that left half-closed wait for nothing
    assert not any(budget.under_way for budget in budgets.values())
    assert sum(conversation.whole for conversation in conversations) > CONVERSATIONS / 2
    assert not gateway.defects
