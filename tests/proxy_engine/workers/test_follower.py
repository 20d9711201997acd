"""Following a source: only what is newer, everything when that is gone, and going on when nobody answers."""

from __future__ import annotations

import asyncio

import pytest

from proxy_engine.sources import Snapshot
from proxy_engine.workers import follower
from proxy_engine.workers.flips import FlipReports
from proxy_engine.workers.follower import Follower
from proxy_engine.workers.mirror import Mirror
from tests.proxy_engine.builders import values
from tests.proxy_engine.support.sources import Away, MemoryReporter, MemorySource
from tests.proxy_engine.support.waiting import until

SERVICE = values("services")
TARGET = values("targets")


class Follows:
    """A follower, and what it told."""

    def __init__(self, source: MemorySource) -> None:
        self.source = source
        self.mirror = Mirror()
        self.told: list[str] = []
        self.follower = Follower(
            source,
            self.mirror,
            FlipReports(MemoryReporter()),
            on_snapshot=lambda snapshot: self.told.append(f"snapshot {snapshot.version}"),
            on_changes=lambda rows: self.told.append(f"changes {[row.version for row in rows]}"),
            on_health=lambda facts: self.told.append(f"health {[fact.healthy for fact in facts]}"),
        )

    @property
    def services(self) -> list[dict]:
        return self.mirror.snapshot().entities.get("services", [])


@pytest.fixture
def source() -> MemorySource:
    return MemorySource(("services", SERVICE))


@pytest.fixture
async def follows(source) -> Follows:
    follows = Follows(source)
    await follows.follower.first_load(None)
    return follows


async def test_first_it_takes_everything(follows):
    assert follows.told == ["snapshot 1"]
    assert follows.services == [SERVICE]


async def test_then_only_what_is_newer(follows, source):
    source.edit("services", SERVICE | {"retries": 1})
    source.edit("targets", TARGET)

    await follows.follower.catch_up()

    assert follows.told == ["snapshot 1", "changes [2, 3]"]
    assert follows.services == [SERVICE | {"retries": 1}]


async def test_nothing_new_is_not_told(follows):
    await follows.follower.catch_up()
    await follows.follower.catch_up()

    assert follows.told == ["snapshot 1"]


async def test_health_is_told_once(follows, source):
    source.find(TARGET, healthy=False)
    source.find(TARGET, healthy=True)
    await follows.follower.catch_up()
    await follows.follower.catch_up()
    source.find(TARGET, healthy=False)
    await follows.follower.catch_up()

    assert follows.told == ["snapshot 1", "health [False, True]", "health [False]"]


async def test_the_mark_of_a_new_target_is_taken_before_the_target(follows, source):
    source.edit("targets", TARGET)
    source.find(TARGET, healthy=False)

    await follows.follower.catch_up()

    assert follows.told == ["snapshot 1", "health [False]", "changes [2]"]
    assert not follows.mirror.health[TARGET["id"]].healthy


async def test_a_target_that_was_made_anew_keeps_its_new_mark(follows, source):
    source.edit("targets", TARGET)
    source.delete("targets", TARGET)
    source.edit("targets", TARGET)
    source.find(TARGET, healthy=False)

    await follows.follower.catch_up()

    assert follows.told == ["snapshot 1", "health [False]", "changes [2, 3, 4]", "health [False]"]
    assert not follows.mirror.health[TARGET["id"]].healthy


async def test_rows_that_are_gone_are_replaced_by_everything(follows, source):
    source.edit("services", SERVICE | {"retries": 1})
    source.edit("services", SERVICE | {"retries": 2})
    source.prune()

    await follows.follower.catch_up()

    assert follows.told == ["snapshot 1", "snapshot 3"]
    assert follows.services == [SERVICE | {"retries": 2}]


async def test_a_source_that_is_behind_is_followed_back(follows, source):
    source.edit("services", SERVICE | {"retries": 1})
    await follows.follower.catch_up()
    source.rows.pop()

    await follows.follower.catch_up()

    assert follows.told[-1] == "snapshot 1"
    assert follows.services == [SERVICE]


class TestTheFirstLoad:
    FALLBACK = Snapshot(7, {"services": [SERVICE | {"retries": 3}]})

    async def test_the_source_is_preferred_to_the_disk(self, source):
        follows = Follows(source)

        await follows.follower.first_load(self.FALLBACK)

        assert follows.told == ["snapshot 1"]
        assert follows.follower.is_connected

    @pytest.mark.parametrize("how", ["is_away", "is_mute"])
    async def test_the_disk_has_to_do_when_nobody_answers(self, source, how, monkeypatch):
        monkeypatch.setattr(follower, "FIRST_LOAD_S", 0.05)
        follows = Follows(source)
        setattr(source, how, True)

        await follows.follower.first_load(self.FALLBACK)

        assert follows.told == ["snapshot 7"]
        assert not follows.follower.is_connected

    async def test_later_everything_is_loaded_whatever_the_versions_say(self, source):
        """The disk may come from another database: its version means nothing to this one."""
        follows = Follows(source)
        source.is_away = True
        await follows.follower.first_load(Snapshot(1, {"services": []}))
        source.is_away = False

        await follows.follower.catch_up()

        assert follows.told == ["snapshot 1", "snapshot 1"]
        assert follows.services == [SERVICE]

    @pytest.mark.parametrize("how", ["is_away", "is_mute"])
    async def test_without_a_disk_it_asks_until_there_is_an_answer(self, source, how, monkeypatch):
        monkeypatch.setattr(follower, "FIRST_LOAD_S", 0.02)
        monkeypatch.setattr(follower, "RETRY_S", 0.01)
        follows = Follows(source)
        setattr(source, how, True)
        loading = asyncio.create_task(follows.follower.first_load(None))
        done, _ = await asyncio.wait([loading], timeout=0.1)
        assert not done

        setattr(source, how, False)

        await asyncio.wait_for(loading, 5)
        assert follows.told == ["snapshot 1"]


class TestForEver:
    @pytest.fixture
    async def running(self, follows, monkeypatch):
        monkeypatch.setattr(follower, "RETRY_S", 0.02)
        tasks = [asyncio.create_task(follows.follower.listen()), asyncio.create_task(follows.follower.follow())]
        yield follows
        for task in tasks:
            assert not task.done()
            task.cancel()

    async def test_a_notice_wakes_it(self, running, source, monkeypatch):
        source.edit("services", SERVICE | {"retries": 1})

        await until(lambda: running.told[-1] == "changes [2]")

    async def test_a_burst_of_notices_is_few_reads(self, running, source):
        await until(lambda: running.follower.is_connected)
        for n in range(500):
            source.edit("services", SERVICE | {"retries": n % 9})

        await until(lambda: running.mirror.version == 501)
        assert len(running.told) < 10

    async def test_it_goes_on_when_the_source_was_away(self, running, source):
        source.is_away = True
        source.edit("services", SERVICE | {"retries": 1})
        await until(lambda: not running.follower.is_connected)
        assert running.services == [SERVICE]

        source.is_away = False

        await until(lambda: running.follower.is_connected and running.mirror.version == 2)

    async def test_it_gives_up_an_answer_that_does_not_come(self, running, source, monkeypatch):
        monkeypatch.setattr(follower, "READ_S", 0.05)
        source.is_mute = True
        source.edit("services", SERVICE | {"retries": 1})
        await until(lambda: not running.follower.is_connected)

        source.is_mute = False

        await until(lambda: running.mirror.version == 2)

    async def test_it_outlives_a_source_that_cannot_notify(self, follows, source, monkeypatch):
        monkeypatch.setattr(follower, "RETRY_S", 0.01)
        calls = []

        async def failing():
            calls.append(1)
            raise Away("no channel layer")
            yield

        source.notices = failing
        listening = asyncio.create_task(follows.follower.listen())

        await until(lambda: len(calls) > 2)

        assert not listening.done()
        listening.cancel()
