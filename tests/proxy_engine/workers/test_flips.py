"""Flips of passive checks on their way to the control plane, and what is believed until they are there."""

from __future__ import annotations

import asyncio

import pytest

from proxy_engine.sources import HealthFact, HealthFlip, Snapshot
from proxy_engine.workers import flips as flips_module
from proxy_engine.workers.flips import FlipReports, undisputed
from proxy_engine.workers.follower import Follower
from proxy_engine.workers.mirror import Mirror
from tests.proxy_engine.support.waiting import until


def a_flip(target_id="t1", *, healthy=False, cause="3 of 3 HTTP failures: 500, 500, 500", at=1.0):
    return HealthFlip(target_id, "u1", "10.0.0.1:80", healthy, cause, at)


class Reporter:
    """A control plane that may be away."""

    def __init__(self):
        self.told: list[list[HealthFlip]] = []
        self.is_away = False
        self.meanwhile = lambda: None

    async def flips(self, flips):
        if self.is_away:
            raise ConnectionError("away")
        self.told.append(flips)
        self.meanwhile()


class Source:
    """Health as the control plane has it."""

    def __init__(self):
        self.marks: list[HealthFact] = []  # each number's flip, from 1
        self.meanwhile = lambda: None

    async def load(self):
        return Snapshot(1, {"targets": [{"id": "t1"}, {"id": "t2"}]}, self.marks, len(self.marks))

    async def changes_since(self, version):
        return []

    async def health_since(self, seq):
        answer = len(self.marks), self.marks[seq:]
        self.meanwhile()
        return answer


@pytest.fixture
def reporter():
    return Reporter()


@pytest.fixture
def flips(reporter):
    return FlipReports(reporter)


async def test_what_is_told_waits_no_longer(flips, reporter):
    flips.add(a_flip())
    await flips.deliver()
    await flips.deliver()
    assert reporter.told == [[a_flip()]]
    assert not flips.disputed


async def test_the_newest_of_a_target_wins(flips, reporter):
    for flip in (a_flip(at=1.0), a_flip("t2"), a_flip(healthy=True, at=2.0)):
        flips.add(flip)
    await flips.deliver()
    assert reporter.told == [[a_flip("t2"), a_flip(healthy=True, at=2.0)]]


async def test_a_flip_during_delivery_is_told_next(flips, reporter):
    flips.add(a_flip(at=1.0))
    reporter.meanwhile = lambda: flips.add(a_flip(healthy=True, at=2.0))
    await flips.deliver()
    assert set(flips.disputed) == {"t1"}
    reporter.meanwhile = lambda: None
    await flips.deliver()
    assert [flip.healthy for [flip] in reporter.told] == [False, True]


async def test_with_the_control_plane_away_it_is_told_again(flips, reporter, monkeypatch, caplog):
    monkeypatch.setattr(flips_module, "RETRY_S", 0.001)
    reporter.is_away = True
    delivering = asyncio.create_task(flips.deliver_for_ever())
    flips.add(a_flip())
    await until(lambda: "flips of targets cannot be stored yet: away" in caplog.text)
    flips.add(a_flip("t2"))
    reporter.is_away = False
    await until(lambda: not flips.disputed)
    delivering.cancel()
    assert {flip.target_id for told in reporter.told for flip in told} == {"t1", "t2"}
    assert caplog.text.count("cannot be stored") == 1


async def test_no_more_wait_than_there_is_room_for(flips, reporter, monkeypatch):
    monkeypatch.setattr(flips_module, "MOST_WAITING", 2)
    for name in ("t1", "t2", "t3"):
        flips.add(a_flip(name))
    assert set(flips.disputed) == {"t2", "t3"}


def test_facts_about_other_targets_count():
    facts = [HealthFact("t1", True, "", 0.0), HealthFact("t2", False, "", 0.0)]
    assert undisputed(facts, {"t1"}) == facts[1:]


class TestFollowing:
    """What the control plane says, against what it does not know yet."""

    @pytest.fixture
    def source(self):
        return Source()

    @pytest.fixture
    def mirror(self):
        return Mirror()

    @pytest.fixture
    async def follower(self, source, mirror, flips):
        told = []
        follower = Follower(
            source, mirror, flips, on_snapshot=told.append, on_changes=told.append, on_health=told.extend
        )
        await follower.first_load(None)
        told.clear()
        follower.told = told
        return follower

    async def test_an_older_word_does_not_undo_a_flip(self, follower, source, mirror, flips):
        assert mirror.take_flip(a_flip())
        flips.add(a_flip())
        source.marks.append(HealthFact("t1", True, "2 of 2 successes: 200, 200", 0.5))
        await follower.catch_up()
        assert not mirror.health["t1"].healthy
        assert not follower.told

    async def test_a_flip_while_the_older_word_is_read_holds_too(self, follower, source, mirror, flips):
        source.marks.append(HealthFact("t1", True, "2 of 2 successes: 200, 200", 0.5))
        source.meanwhile = lambda: flips.add(a_flip())
        await follower.catch_up()
        assert not follower.told

    async def test_a_younger_word_counts_once_the_flip_is_stored(self, follower, source, mirror, flips):
        mirror.take_flip(a_flip())
        flips.add(a_flip())
        source.marks += [a_flip().fact, HealthFact("t1", True, "set healthy by alice", 2.0)]
        await follower.catch_up()
        await flips.deliver()
        await follower.catch_up()
        assert mirror.health["t1"].cause == "set healthy by alice"
        assert mirror.health_seq == 2

    async def test_other_targets_are_followed_meanwhile(self, follower, source, mirror, flips):
        flips.add(a_flip())
        source.marks += [HealthFact("t1", True, "", 0.5), HealthFact("t2", False, "no answer", 0.6)]
        await follower.catch_up()
        assert [fact.target_id for fact in follower.told] == ["t2"]

    async def test_a_whole_configuration_does_not_undo_a_flip(self, follower, source, mirror, flips):
        mirror.take_flip(a_flip())
        flips.add(a_flip())
        source.marks.append(HealthFact("t1", True, "2 of 2 successes: 200, 200", 0.5))
        await follower._load()
        assert not mirror.health["t1"].healthy
        assert mirror.health_seq == 0  # so that a word of after our flip is read again


class TestTheMirror:
    @pytest.fixture
    def mirror(self):
        mirror = Mirror()
        mirror.replace(Snapshot(1, {"targets": [{"id": "t1"}]}, [], 0))
        return mirror

    def test_the_first_worker_to_see_it_brings_news(self, mirror):
        assert mirror.take_flip(a_flip())
        assert not mirror.take_flip(a_flip(cause="another"))
        assert mirror.health["t1"] == a_flip().fact

    def test_and_the_way_back_is_news_again(self, mirror):
        mirror.take_flip(a_flip())
        assert mirror.take_flip(a_flip(healthy=True))

    def test_a_target_that_never_failed_is_healthy_already(self, mirror):
        assert not mirror.take_flip(a_flip(healthy=True))

    def test_deleted_targets_have_no_health(self, mirror):
        assert not mirror.take_flip(a_flip("gone"))
        assert not mirror.health
