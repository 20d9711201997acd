"""Answers are kept for their time and no longer; what goes wrong with the DNS does not go wrong with requests."""

from __future__ import annotations

import pytest

from proxy_engine.net import dns
from proxy_engine.net.dns import Resolver
from tests.proxy_engine.support.dns import ScriptedLookup


class Listener:
    def __init__(self) -> None:
        self.heard = 0

    def resolved(self) -> None:
        self.heard += 1


class Bench:
    """A resolver on a clock of its own; ``at`` is where it stands."""

    def __init__(self) -> None:
        self.lookup = ScriptedLookup()
        self.soon: list = []
        self.resolver = Resolver(self.lookup, self.soon.append, now=1000.0)
        self.listener = Listener()

    def turn(self) -> None:
        while self.soon:
            self.soon.pop(0)()

    def watch(self, text: str = "a.test"):
        name = self.resolver.watch(text, self.listener)
        self.turn()
        return name

    def known(self, *addresses: str, ttl: float = 60.0):
        name = self.watch()
        self.lookup.answer(*addresses, ttl=ttl)
        return name

    def pass_time(self, seconds: float) -> None:
        self.resolver.sweep(self.resolver.now + seconds)
        self.turn()

    @property
    def is_asked(self) -> bool:
        return bool(self.lookup.asked)


@pytest.fixture
def bench() -> Bench:
    return Bench()


class TestAnswers:
    def test_a_name_is_asked_as_soon_as_it_is_watched(self, bench):
        name = bench.watch()

        assert bench.lookup.names == ["a.test"]
        assert not name.is_known

    def test_the_watcher_hears_of_the_answer(self, bench):
        name = bench.known("10.0.0.1", "10.0.0.2")

        assert name.addresses == ("10.0.0.1", "10.0.0.2")
        assert bench.listener.heard == 1

    def test_one_question_serves_all_watchers(self, bench):
        second = Listener()
        bench.watch()
        bench.resolver.watch("a.test", second)
        bench.turn()
        bench.lookup.answer("10.0.0.1")

        assert (bench.listener.heard, second.heard) == (1, 1)
        assert not bench.is_asked

    def test_who_comes_later_finds_the_answer_there(self, bench):
        known = bench.known("10.0.0.1")

        assert bench.watch() is known
        assert not bench.is_asked

    def test_a_name_given_twice_counts_once(self, bench):
        assert bench.known("10.0.0.1", "10.0.0.1").addresses == ("10.0.0.1",)

    def test_there_is_a_limit_to_the_addresses_of_a_name(self, bench):
        name = bench.known(*(f"10.0.{n // 256}.{n % 256}" for n in range(1000)))

        assert len(name.addresses) == dns.MAX_ADDRESSES


class TestTime:
    @pytest.mark.parametrize(
        ("ttl", "kept_s"), [(60, 60), (5, 5), (0, dns.MIN_TTL_S), (0.2, dns.MIN_TTL_S), (10**9, dns.MAX_TTL_S)]
    )
    def test_an_answer_is_kept_for_its_ttl(self, bench, ttl, kept_s):
        bench.known("10.0.0.1", ttl=ttl)

        bench.pass_time(kept_s + dns.SLACK_S - 0.1)
        assert not bench.is_asked
        bench.pass_time(0.2)
        assert bench.is_asked

    def test_the_old_answer_serves_while_a_new_one_is_awaited(self, bench):
        name = bench.known("10.0.0.1")
        bench.pass_time(61)

        assert bench.is_asked
        assert name.addresses == ("10.0.0.1",)

    def test_it_is_asked_once_however_long_the_answer_takes(self, bench):
        bench.known("10.0.0.1")
        for _ in range(100):
            bench.pass_time(61)

        assert bench.lookup.names == ["a.test"]

    def test_a_new_answer_replaces_the_old_one(self, bench):
        name = bench.known("10.0.0.1", "10.0.0.2")
        bench.pass_time(61)
        bench.lookup.answer("10.0.0.2", "10.0.0.3")

        assert name.addresses == ("10.0.0.2", "10.0.0.3")
        assert bench.listener.heard == 2

    def test_another_order_is_no_news(self, bench):
        name = bench.known("10.0.0.1", "10.0.0.2")
        bench.pass_time(61)
        bench.lookup.answer("10.0.0.2", "10.0.0.1")

        assert name.addresses == ("10.0.0.1", "10.0.0.2")
        assert bench.listener.heard == 1

    def test_each_answer_has_its_own_time(self, bench):
        bench.known("10.0.0.1", ttl=60)
        bench.pass_time(61)
        bench.lookup.answer("10.0.0.1", ttl=10)
        bench.pass_time(9)
        assert not bench.is_asked
        bench.pass_time(2)
        assert bench.is_asked


class TestTrouble:
    def test_an_error_leaves_the_old_answer_in_place(self, bench):
        name = bench.known("10.0.0.1")
        bench.pass_time(61)
        bench.lookup.fail("timeout")

        assert name.addresses == ("10.0.0.1",)
        assert name.problem == "timeout"
        assert bench.listener.heard == 1

    def test_for_an_hour_and_no_longer(self, bench):
        name = bench.known("10.0.0.1", ttl=60)
        bench.pass_time(60 + dns.STALE_S - 1)
        bench.lookup.fail()
        assert name.addresses
        bench.pass_time(2)
        bench.lookup.fail()

        assert name.addresses == ()
        assert bench.listener.heard == 2

    def test_after_errors_it_is_asked_again_later_and_later(self, bench):
        bench.watch()
        waits = []
        for _ in range(8):
            bench.lookup.fail()
            waits.append(0)
            while not bench.is_asked:
                bench.pass_time(1)
                waits[-1] += 1

        assert waits == [1, 2, 4, 8, 16, 30, 30, 30]

    def test_a_good_answer_ends_the_patience(self, bench):
        bench.watch()
        bench.lookup.fail()
        bench.pass_time(1)
        bench.lookup.answer("10.0.0.1", ttl=60)
        bench.pass_time(61)
        bench.lookup.fail()
        bench.pass_time(1)

        assert bench.is_asked

    def test_an_error_at_first_is_an_outcome_too(self, bench):
        name = bench.watch()
        bench.lookup.fail()

        assert name.is_known
        assert name.addresses == ()
        assert bench.listener.heard == 1

    def test_a_name_that_does_not_exist_is_asked_again_after_a_while(self, bench):
        bench.known()
        bench.pass_time(dns.NEGATIVE_S - 0.1)
        assert not bench.is_asked
        bench.pass_time(0.2)
        assert bench.is_asked

    def test_one_denial_does_not_take_the_addresses_two_do(self, bench):
        name = bench.known("10.0.0.1")
        bench.pass_time(61)
        bench.lookup.answer()
        assert name.addresses == ("10.0.0.1",)
        bench.pass_time(dns.NEGATIVE_S + 1)
        bench.lookup.answer()

        assert name.addresses == ()
        assert bench.listener.heard == 2

    def test_a_denial_taken_back_is_forgotten(self, bench):
        name = bench.known("10.0.0.1")
        for addresses in ((), ("10.0.0.1",), ()):
            bench.pass_time(61)
            bench.lookup.answer(*addresses)

        assert name.addresses == ("10.0.0.1",)

    def test_a_name_that_comes_back_is_news(self, bench):
        name = bench.known()
        bench.pass_time(dns.NEGATIVE_S + 1)
        bench.lookup.answer("10.0.0.1")

        assert name.addresses == ("10.0.0.1",)
        assert bench.listener.heard == 2


class TestManyNames:
    def test_only_so_many_are_asked_at_once(self, bench):
        for number in range(1000):
            bench.resolver.watch(f"{number}.test", bench.listener)
        bench.turn()
        assert len(bench.lookup.asked) == dns.MAX_QUERIES
        for _ in range(1000):
            assert len(bench.lookup.asked) <= dns.MAX_QUERIES
            bench.lookup.answer("10.0.0.1")

        assert bench.listener.heard == 1000
        assert not bench.is_asked

    def test_short_times_do_not_keep_the_worker_busy(self, bench):
        for number in range(1000):
            bench.resolver.watch(f"{number}.test", bench.listener)
        bench.turn()
        for _ in range(1000):
            bench.lookup.answer("10.0.0.1", ttl=0)
        bench.pass_time(2)
        asked = 0
        while bench.is_asked:
            bench.lookup.answer("10.0.0.1", ttl=0)
            asked += 1

        assert asked == dns.MAX_REFRESHED

    def test_one_that_a_request_waits_for_goes_first(self, bench):
        names = [bench.resolver.watch(f"{number}.test", bench.listener) for number in range(1000)]
        bench.turn()

        bench.resolver.hurry(names[999])

        assert bench.lookup.names[-1] == "999.test"

    def test_but_those_are_limited_too(self, bench):
        names = [bench.resolver.watch(f"{number}.test", bench.listener) for number in range(1000)]
        bench.turn()
        for name in names:
            bench.resolver.hurry(name)
        assert len(bench.lookup.asked) == dns.MAX_URGENT
        for _ in range(1000):
            bench.lookup.answer("10.0.0.1")
            assert len(bench.lookup.asked) <= dns.MAX_URGENT

        assert bench.listener.heard == 1000
        assert not bench.is_asked, "twice, for having stood in two places of the queue"

    def test_names_that_nobody_watches_are_forgotten(self, bench):
        name = bench.known("10.0.0.1")
        bench.resolver.unwatch(name, bench.listener)
        bench.pass_time(61)

        assert len(bench.resolver) == 0
        assert not bench.is_asked

    def test_one_given_up_before_its_turn_is_not_asked(self, bench):
        name = bench.resolver.watch("a.test", bench.listener)
        bench.resolver.unwatch(name, bench.listener)
        bench.turn()

        assert not bench.is_asked

    def test_an_answer_that_nobody_waits_for_any_more_is_dropped(self, bench):
        name = bench.watch()
        bench.resolver.unwatch(name, bench.listener)
        bench.watch("b.test")
        bench.lookup.answer("10.0.0.1")

        assert bench.listener.heard == 0

    def test_names_that_come_and_go_leave_nothing(self, bench):
        for number in range(2000):
            name = bench.watch(f"{number}.test")
            bench.lookup.answer("10.0.0.1", ttl=3600)
            bench.resolver.unwatch(name, bench.listener)

        assert len(bench.resolver._due) <= 2 * dns.MAX_QUERIES

    def test_after_the_end_nothing_is_asked(self, bench):
        bench.known("10.0.0.1")
        bench.resolver.close()
        bench.watch("b.test")
        bench.pass_time(61)

        assert not bench.is_asked

    def test_and_nobody_hears_anything(self, bench):
        bench.watch()
        bench.resolver.close()
        bench.lookup.fail("cancelled")

        assert bench.listener.heard == 0


def test_of_a_name_with_too_many_addresses_the_same_are_kept(bench):
    """Servers turn their answers: the first of each would be others each time, and all connections with them."""
    many = [f"10.0.0.{number}" for number in range(2 * dns.MAX_ADDRESSES)]
    name = bench.known(*many, ttl=5)
    before = name.addresses

    bench.pass_time(6)
    bench.lookup.answer(*many[50:], *many[:50], ttl=5)

    assert name.addresses == before
    assert bench.listener.heard == 1
