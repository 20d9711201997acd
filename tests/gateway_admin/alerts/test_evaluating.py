"""From facts to alerts to messages, look by look."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway_admin.alerts import actions, evaluating
from gateway_admin.alerts.conditions import Facts
from gateway_admin.alerts.evaluating import look
from gateway_admin.alerts.kinds import RULES
from gateway_admin.alerts.models import Alert, AlertDelivery
from gateway_admin.alerts.pruning import prune
from tests.gateway_admin.monitoring.builders import an_upstream

from .builders import ALICE, NOON, a_channel, a_rule, a_silence, down, facts

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(monkeypatch):
    """``world(targets_down=…)``: what is so from now on."""
    now = {"facts": Facts()}
    monkeypatch.setattr(evaluating, "read_facts", lambda parts, moment: now["facts"])

    def so(**parts):
        now["facts"] = facts(**parts)

    return so


def at(seconds):
    look(now=NOON + timedelta(seconds=seconds))


def told():
    """(channel, [status, …]) of each message, in their order."""
    rows = AlertDelivery.objects.order_by("created_at", "channel_name")
    return [(row.channel_name, [item["status"] for item in row.items]) for row in rows]


def test_it_fires_once_and_tells_when_it_is_over(world):
    a_rule(a_channel(name="ops"))
    at(0)
    world(targets_down=(down(),))
    at(1), at(2)
    assert Alert.objects.get().state == "firing"
    world()
    at(3), at(4)
    assert Alert.objects.get().state == "resolved"
    assert told() == [("ops", ["firing"]), ("ops", ["resolved"])]


def test_what_comes_back_is_another_alert(world):
    a_rule()
    for seconds, parts in enumerate(({"targets_down": (down(),)}, {}, {"targets_down": (down(),)})):
        world(**parts)
        at(seconds)
    assert sorted(alert.state for alert in Alert.objects.all()) == ["firing", "resolved"]


def test_it_has_to_last(world):
    a_rule(a_channel(), for_seconds=30)
    world(targets_down=(down(since=NOON),))
    at(10)
    assert Alert.objects.get().state == "pending"
    at(29)
    assert not told()
    at(30)
    assert Alert.objects.get().state == "firing"
    assert len(told()) == 1


def test_what_did_not_last_leaves_nothing(world):
    a_rule(a_channel(), for_seconds=30)
    world(targets_down=(down(),))
    at(10)
    world()
    at(20)
    assert not Alert.objects.exists()
    assert not told()


def test_alerts_that_come_together_make_one_message(world):
    channel = a_channel(name="ops", group_seconds=10)
    a_rule(channel)
    world(targets_down=(down(id="a"),))
    at(0)
    world(targets_down=(down(id="a"), down(id="b"), down(id="c")))
    at(5)
    assert told() == [("ops", ["firing", "firing", "firing"])]
    world(targets_down=(down(id="b"), down(id="c"), down(id="d")))
    at(11)
    assert told() == [("ops", ["firing"] * 3), ("ops", ["firing", "resolved"])]


def test_a_message_that_is_under_way_is_not_changed(world):
    channel = a_channel(group_seconds=10)
    a_rule(channel)
    world(targets_down=(down(id="a"),))
    at(0)
    AlertDelivery.objects.update(attempts=1)
    world(targets_down=(down(id="a"), down(id="b")))
    at(1)
    assert [statuses for _, statuses in told()] == [["firing"], ["firing"]]


def test_it_reminds_while_it_lasts(world):
    a_rule(a_channel(), remind_minutes=10)
    world(targets_down=(down(),))
    for minutes in (0, 9, 10, 11, 20):
        at(minutes * 60)
    assert [statuses for _, statuses in told()] == [["firing"], ["reminder"], ["reminder"]]


def test_a_channel_may_not_want_to_hear_the_end(world):
    a_rule(a_channel(name="all"), a_channel(name="bad news", tell_resolved=False))
    world(targets_down=(down(),))
    at(0)
    world()
    at(1)
    assert [name for name, statuses in told() if statuses == ["resolved"]] == ["all"]


def test_a_channel_that_is_off_is_not_told(world):
    a_rule(a_channel(enabled=False))
    world(targets_down=(down(),))
    at(0)
    assert not told()


def test_nobody_is_told_in_a_silence_and_all_are_at_its_end(world):
    rule = a_rule(a_channel())
    now = datetime.now(UTC)
    a_silence(rule=rule, until=now + timedelta(minutes=5))
    world(targets_down=(down(since=now),))
    look(now=now)
    assert Alert.objects.get().state == "firing"
    assert not told()
    look(now=now + timedelta(minutes=6))
    assert [statuses for _, statuses in told()] == [["firing"]]


def test_what_began_and_ended_in_a_silence_is_never_told(world):
    a_rule(a_channel())
    now = datetime.now(UTC)
    a_silence(until=now + timedelta(minutes=5))
    world(targets_down=(down(since=now),))
    look(now=now)
    world()
    look(now=now + timedelta(minutes=1))
    look(now=now + timedelta(minutes=6))
    assert not told()


def test_a_silence_may_be_about_some_upstreams_only(world):
    an_upstream("quiet")
    a_rule(a_channel())
    now = datetime.now(UTC)
    a_silence(upstreams=["quiet"], until=now + timedelta(minutes=5))
    world(targets_down=(down(id="a", upstream="quiet", since=now), down(id="b", upstream="loud", since=now)))
    look(now=now)
    [row] = AlertDelivery.objects.all()
    assert [item["upstream"] for item in row.items] == ["loud"]


def test_the_cause_is_kept_current(world):
    a_rule()
    world(targets_down=(down(cause="503"),))
    at(0)
    world(targets_down=(down(cause="timeout"),))
    at(1)
    assert Alert.objects.get().cause == "timeout"


def test_a_rule_that_is_switched_off_or_deleted_ends_its_alerts_without_a_word(world):
    channel = a_channel()
    off, gone = a_rule(channel), a_rule(channel)
    world(targets_down=(down(),))
    at(0)
    AlertDelivery.objects.all().delete()
    actions.change(kind=RULES, row=off, values={"enabled": False}, author=ALICE)
    actions.delete(kind=RULES, row=gone, author=ALICE)
    at(1)
    assert {alert.state for alert in Alert.objects.all()} == {"resolved"}
    assert {alert.rule_name for alert in Alert.objects.all()} == {off.name, gone.name}
    assert not told()


def test_two_looks_at_once_do_not_tell_twice(world):
    """The second one waits for the lock, and finds everything done."""
    a_rule(a_channel())
    world(targets_down=(down(),))
    at(0), at(0)
    assert len(told()) == 1


def test_without_rules_a_look_costs_next_to_nothing(django_assert_num_queries):
    with django_assert_num_queries(2):
        at(0)


def test_old_history_goes_and_what_is_open_stays(world):
    a_rule(a_channel())
    world(targets_down=(down(id="a"), down(id="b")))
    at(0)
    world(targets_down=(down(id="a"),))
    at(1)
    AlertDelivery.objects.filter(pk=AlertDelivery.objects.first().pk).update(state="sent")
    prune(before=NOON + timedelta(days=1))
    assert [alert.subject_id for alert in Alert.objects.all()] == ["a"]
    assert {row.state for row in AlertDelivery.objects.all()} <= {"waiting"}
