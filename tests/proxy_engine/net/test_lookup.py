"""c-ares asks a real server over loopback; what it says becomes ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiodns
import pycares
import pytest
from dnslib import RCODE

from proxy_engine.net import lookup
from proxy_engine.net.dns import Answer, Failed
from proxy_engine.net.lookup import CaresLookup
from tests.proxy_engine.support.dns import ScriptedDns
from tests.proxy_engine.support.waiting import until


@pytest.fixture
async def server() -> AsyncIterator[ScriptedDns]:
    server = await ScriptedDns().start()
    yield server
    server.stop()


@pytest.fixture
async def ask(server):
    """The outcome for a name: ``await ask("a.test")``."""
    made: list[CaresLookup] = []

    async def ask(name: str, order=("A", "AAAA")) -> Answer | Failed:
        made.append(CaresLookup(asyncio.get_running_loop(), [server.address], order))
        outcomes: list[Answer | Failed] = []
        made[-1](name, outcomes.append)
        assert not outcomes, "before the lookup returned"
        await until(lambda: outcomes)
        assert len(outcomes) == 1
        return outcomes[0]

    yield ask
    for each in made:
        each.close()


async def test_addresses_come_with_their_ttl(server, ask):
    server.has("a.test", "10.0.0.1", "10.0.0.2", ttl=77)

    assert await ask("a.test") == Answer(("10.0.0.1", "10.0.0.2"), 77.0)
    assert server.asked == [("a.test", "A")]


async def test_an_alias_counts_with_the_shorter_ttl(server, ask):
    server.has("a.test", "b.test", ttl=20)
    server.has("b.test", "10.0.0.1", ttl=300)

    assert await ask("a.test") == Answer(("10.0.0.1",), 20.0)


async def test_a_name_without_ipv4_addresses_is_asked_for_others(server, ask):
    server.has("a.test", "2001:db8::1", ttl=9)

    assert await ask("a.test") == Answer(("2001:db8::1",), 9.0)


async def test_the_first_type_of_the_order_that_there_is_counts(server, ask):
    server.has("a.test", "10.0.0.1", "2001:db8::1")

    assert (await ask("a.test")).addresses == ("10.0.0.1",)
    assert (await ask("a.test", ("AAAA", "A"))).addresses == ("2001:db8::1",)


async def test_types_that_are_not_in_the_order_are_not_asked_for(server, ask):
    server.has("a.test", "2001:db8::1")

    assert (await ask("a.test", ("A",))).addresses == ()


async def test_a_name_that_does_not_exist_has_no_addresses(server, ask):
    assert await ask("a.test") == Answer(())


@pytest.mark.parametrize("name", ["a" * 64 + ".test", "..", "\ud800.test", "xn--.test"])
async def test_neither_has_one_that_cannot_be_one(server, ask, name):
    assert (await ask(name)) == Answer(())


async def test_a_server_that_fails_is_an_error(server, ask):
    server.rcode = RCODE.SERVFAIL

    assert isinstance(await ask("a.test"), Failed)


async def test_so_is_one_that_says_nothing(server, ask, monkeypatch):
    monkeypatch.setattr(lookup, "TIMEOUT_S", 0.1)
    monkeypatch.setattr(lookup, "TRIES", 1)
    server.is_silent = True

    assert await ask("a.test") == Failed("Timeout while contacting DNS servers")


async def test_so_is_a_want_of_file_descriptors(server, ask, monkeypatch):
    def fail(*_, **__):
        raise pycares.AresError("Failed to initialize c-ares channel")

    monkeypatch.setattr(aiodns, "DNSResolver", fail)

    assert await ask("a.test") == Failed("Failed to initialize c-ares channel")


async def test_what_is_in_the_hosts_file_needs_no_server(server, ask):
    assert "127.0.0.1" in (await ask("localhost")).addresses
    assert server.asked == []


async def test_the_end_ends_what_is_under_way(server):
    server.is_silent = True
    asked = CaresLookup(asyncio.get_running_loop(), [server.address])
    outcomes: list[Answer | Failed] = []
    asked("a.test", outcomes.append)
    await until(lambda: server.asked)

    asked.close()

    await until(lambda: outcomes)
    assert isinstance(outcomes[0], Failed)
