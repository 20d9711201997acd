"""A target that drains or goes while exchanges and tunnels are under way at it: they finish, nothing new begins."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from tests.proxy_engine.builders import values
from tests.proxy_engine.support.client import a_request
from tests.proxy_engine.support.load import under_load
from tests.proxy_engine.support.targets import a_response, answering
from tests.proxy_engine.support.waiting import until
from tests.proxy_engine.support.websocket import a_handshake, exactly, repeating, switching

DRAIN = {"since": 1, "until": 2, "then": "off", "keep_sticky": False}
COOKIE = {"algorithm": "consistent-hashing", "hash_on": "cookie", "hash_on_cookie": "sid"}


async def half_an_answer(visit):
    """The rest when the test says so."""
    await visit.request()
    await visit.send(a_response(b"first ", length=11))
    await visit.target.word.wait()
    await visit.send(b"again")
    await visit.gone()


def drained(scene, number=0, **drain):
    scene.gateway.apply(("targets", scene.targets[number] | {"drain": DRAIN | drain}))


def removed(scene):
    scene.gateway.delete("targets", scene.targets[0])


ways_out = pytest.mark.parametrize("leave", [drained, removed])


@ways_out
async def test_an_answer_under_way_comes_to_its_end(gateway, target, leave):
    origin, other = await target(half_an_answer), await target(answering(a_response(b"other")))
    origin.word = asyncio.Event()
    scene = gateway.serve(origin)
    client = await gateway.connect()
    client.writer.write(a_request("/"))
    await until(lambda: origin.requests)
    state = scene.state()
    scene.targets.append(values("targets", target=other.address, upstream=scene.upstream_link))
    gateway.apply(("targets", scene.targets[1]))
    leave(scene)
    assert (await gateway.ask("/")).body == b"other"
    assert state.active == 1
    origin.word.set()
    assert (await client.response("GET")).body == b"first again"
    assert state.active == 0
    assert len(origin.requests) == 1


@ways_out
async def test_a_tunnel_stays_open(gateway, target, leave):
    origin, other = await target(switching(repeating)), await target(answering(a_response(b"other")))
    scene = gateway.serve(origin)
    client = await gateway.connect()
    client.writer.write(a_handshake())
    await until(lambda: scene.state().active == 1 and len(gateway.engine.clients) == 1)
    await client.reader.readuntil(b"\r\n\r\n")
    state = scene.state()
    gateway.apply(("targets", values("targets", target=other.address, upstream=scene.upstream_link)))
    leave(scene)
    client.writer.write(b"still there?")
    assert await exactly(client, 12) == b"still there?"
    assert (await gateway.ask("/")).body == b"other"
    if leave is drained:
        assert gateway.engine.draining() == [{"target_id": scene.targets[0]["id"], "active": 1}]
    client.close()
    await until(lambda: state.active == 0)


async def test_it_reports_only_what_drains(gateway, target):
    scene = gateway.serve("127.0.0.1:1", "127.0.0.1:2")
    assert gateway.engine.draining() == []
    drained(scene)
    assert gateway.engine.draining() == [{"target_id": scene.targets[0]["id"], "active": 0}]
    gateway.load(*scene.entities)
    assert gateway.engine.draining() == []
    drained(scene)
    removed(scene)
    assert gateway.engine.draining() == []


async def test_known_cookies_stay_and_new_ones_lead_elsewhere(gateway, target):
    leaving, other = await target(answering(a_response(b"leaving"))), await target(answering(a_response(b"other")))
    scene = gateway.serve(leaving, other, upstream=COOKIE)
    names = (b"Cookie: sid=%d" % number for number in itertools.count())
    for cookie in names:
        if (await gateway.ask("/", cookie)).body == b"leaving":
            break
    drained(scene, keep_sticky=True)
    assert (await gateway.ask("/", cookie)).body == b"leaving"
    for _ in range(20):
        answer = await gateway.ask("/")
        assert answer.body == b"other"
        fresh = answer.field(b"Set-Cookie").partition(b";")[0]
        assert (await gateway.ask("/", b"Cookie: " + fresh)).body == b"other"
    drained(scene, keep_sticky=False)
    assert (await gateway.ask("/", cookie)).body == b"other"


async def test_draining_and_returning_under_load_costs_no_request(gateway, target):
    origins = [await target(answering(a_response(b"ok"))) for _ in range(3)]
    scene = gateway.serve(*origins, upstream={"slow_start": {"window": 1}})
    gateway.sweep_for_ever()
    async with under_load(gateway.port) as load:
        for number in (0, 1, 2, 0, 1, 2):
            drained(scene, number)
            await until(lambda number=number: scene.state(number).active == 0)
            before = len(origins[number].requests)
            await load.more(20)
            assert len(origins[number].requests) == before
            gateway.apply(("targets", scene.targets[number]))
            assert scene.state(number).part == 10


async def test_a_target_that_joins_starts_slowly_and_a_reload_leaves_it_so(gateway):
    scene = gateway.serve("127.0.0.1:1", "127.0.0.1:2", upstream={"slow_start": {"window": 20}})
    assert gateway.engine.ramping() == []
    scene.targets.append(values("targets", target="127.0.0.1:3", upstream=scene.upstream_link))
    gateway.apply(("targets", scene.targets[2]))
    gateway.pass_time(10)
    (told,) = gateway.engine.ramping()
    assert (told["target_id"], told["percent"]) == (scene.targets[2]["id"], 50)
    gateway.load(*scene.entities)
    assert (scene.state(2).part, scene.state(0).part) == (50, 100)
    facts = dict(gateway.engine.target_facts())[scene.targets[2]["id"]]
    assert facts["slowStart"]["percent"] == 50
    assert facts["remark"] == "slow start: 50 % of its share"
    gateway.pass_time(20)
    assert gateway.engine.ramping() == []


async def test_panic_is_counted(gateway, target):
    origin = await target(answering(a_response(b"ok")))
    scene = gateway.serve(origin, upstream={"when_all_unhealthy": "use_all"})
    scene.state().healthy = False
    for _ in range(3):
        assert (await gateway.ask("/")).status == 200
    assert (gateway.engine.counters.panics, gateway.engine.counters.panic_picks) == (1, 3)
