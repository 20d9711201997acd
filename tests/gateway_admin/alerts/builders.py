"""Rules, channels and silences, valid by default."""

from datetime import UTC, datetime, timedelta
from itertools import count

from gateway_admin.accounts.actions import Author
from gateway_admin.alerts import actions
from gateway_admin.alerts.conditions import EngineFact, Facts, TargetDown, UpstreamWeight
from gateway_admin.alerts.kinds import CHANNELS, RULES, SILENCES
from gateway_admin.common.envelope import timestamp

ALICE = Author("alice", "192.0.2.1")
NOON = datetime(2027, 1, 31, 12, 0, tzinfo=UTC)
_numbers = count(1)


def a_channel(**values):
    webhook = {"name": f"channel-{next(_numbers)}", "type": "webhook", "url": "http://127.0.0.1:9/hook"}
    return actions.create(kind=CHANNELS, values=webhook | {"group_seconds": 0} | values, author=ALICE)


def a_mail_channel(**values):
    mail = {"name": f"mail-{next(_numbers)}", "type": "email", "recipients": ["ops@example.com"], "group_seconds": 0}
    return actions.create(kind=CHANNELS, values=mail | values, author=ALICE)


def a_rule(*channels, **values):
    values = {"name": f"rule-{next(_numbers)}", "condition": "target_down"} | values
    return actions.create(
        kind=RULES, values=values | {"channels": [str(channel.pk) for channel in channels]}, author=ALICE
    )


def a_silence(*, until=None, rule=None, **values):
    until = until or datetime.now(UTC) + timedelta(hours=1)
    values = {"reason": "work on it", "until": timestamp(until), "rule": rule and str(rule.pk)} | values
    return actions.create(kind=SILENCES, values=values, author=ALICE)


def down(name="10.0.0.1:80", *, id="t1", upstream="pool", cause="refused", since=NOON):
    return TargetDown(id, name, upstream, cause, since)


def weights(total=100, available=100, *, name="pool", targets=2):
    return UpstreamWeight("u1", name, targets, total, available)


def an_engine(*, is_live=True, version=5, head=5, seen_at=NOON):
    return EngineFact("e1", "engine-1", is_live, seen_at, version, head)


def facts(**parts):
    return Facts(**parts)
