"""Writes of rules, channels and silences. Each says in the log who did it and from where, never a secret."""

import base64
import secrets
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils import timezone

from gateway_admin.accounts.actions import Author
from gateway_admin.accounts.rules import checked
from gateway_admin.common.problems import EntityInvalid
from proxy_engine.spec import ENTITY, Problem

from .kinds import CHANNELS, RULES, SILENCES, Kind
from .messages import SECRET_MARK
from .models import Alert, AlertChannel, AlertDelivery, AlertRule
from .rules import parsed_moment

SECRET_BYTES = 32

USUAL_RULES = (
    {"name": "Target down", "condition": "target_down"},
    {"name": "Upstream below half", "condition": "upstream_below", "threshold": 50.0},
    {"name": "Upstream down", "condition": "upstream_down"},
    {"name": "Health checks late", "condition": "probe_lag", "threshold": 5.0, "for_seconds": 10},
    {"name": "Engine silent", "condition": "engine_silent"},
    {"name": "Engine behind", "condition": "engine_behind", "for_seconds": 30},
)


@transaction.atomic
def create(*, kind: Kind, values: Any, author: Author) -> Model:
    """Raises ``EntityInvalid``."""
    facts = _checked(kind, values)
    row = kind.model(**({"made_by": author.name} if kind is SILENCES else {}))
    _fill(kind, row, facts)
    _store(row, force_insert=True)
    author.did(f"made the alert {kind.label} %s", str(row))
    return row


@transaction.atomic
def change(*, kind: Kind, row: Model, values: Any, author: Author) -> Model:
    """``values`` replace those of the same names; a secret that is left out stays. Raises ``EntityInvalid``."""
    row = kind.model.objects.select_for_update().get(pk=row.pk)
    given = kind.values_of(row) | values if isinstance(values, dict) else values
    if kind is CHANNELS and isinstance(values, dict):
        given |= {name: None for name in _left_behind(row.type, given.get("type")) if name not in values}
    _fill(kind, row, _checked(kind, given))
    if hasattr(row, "updated_at"):
        row.updated_at = timezone.now()
    _store(row)
    author.did(f"changed the alert {kind.label} %s", str(row))
    return row


def _left_behind(before: str, after: str | None) -> tuple[str, ...]:
    """Fields that a channel of the new type has no use for."""
    if before == after:
        return ()
    return ("url", "secret") if after == "email" else ("recipients", "secret")


@transaction.atomic
def delete(*, kind: Kind, row: Model, author: Author) -> None:
    """Raises ``EntityInvalid`` for a channel that rules name."""
    if kind is CHANNELS:
        users = [rule.name for rule in AlertRule.objects.all() if str(row.pk) in rule.channels]
        if users:
            text = f"these rules name the channel: {', '.join(users)}; change them first"
            raise EntityInvalid([Problem(ENTITY, text, "in_use")])
    if kind is RULES:
        now = timezone.now()
        Alert.objects.filter(rule=row, resolved_at=None, fired_at=None).delete()
        Alert.objects.filter(rule=row, resolved_at=None).update(resolved_at=now)
    name = str(row)
    row.delete()
    author.did(f"deleted the alert {kind.label} %s", name)


@transaction.atomic
def create_usual_rules(*, author: Author) -> list[AlertRule]:
    """Those of them that are missing by name, telling every channel there is."""
    channels = [str(pk) for pk in AlertChannel.objects.order_by("name").values_list("pk", flat=True)]
    known = set(AlertRule.objects.values_list("name", flat=True))
    wanted = [values | {"channels": channels} for values in USUAL_RULES if values["name"] not in known]
    return [create(kind=RULES, values=values, author=author) for values in wanted]


def _checked(kind: Kind, values: Any) -> dict[str, Any]:
    facts = checked(kind.fields, values)
    if problems := list(kind.problems(facts)):
        raise EntityInvalid(problems)
    return facts


def _fill(kind: Kind, row: Model, facts: dict[str, Any]) -> None:
    if kind is SILENCES:
        facts = {name: value for name, value in facts.items() if name != "rule"} | {
            "rule_id": facts["rule"],
            "until": parsed_moment(facts["until"]),
        }
    if kind is CHANNELS and facts["type"] == "webhook" and facts["secret"] is None:
        facts = facts | {"secret": new_secret()}
    if kind is RULES:
        facts = facts | {"channels": [id.lower() for id in facts["channels"]]}
    for name, value in facts.items():
        setattr(row, name, value)


def new_secret() -> str:
    return SECRET_MARK + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _store(row: Model, *, force_insert: bool = False) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=force_insert)
    except IntegrityError:
        raise EntityInvalid([Problem(("name",), f"{row.name} exists already", "unique")]) from None


def send_again(*, delivery: AlertDelivery, author: Author) -> bool:
    """Whether there was anything to do: it was given up, and its channel is still there."""
    failed = AlertDelivery.objects.filter(pk=delivery.pk, state=AlertDelivery.State.FAILED, channel__isnull=False)
    waiting = {"state": AlertDelivery.State.WAITING, "attempts": 0, "next_at": timezone.now(), "done_at": None}
    if not failed.update(**waiting):
        return False
    author.did("had alerts sent again to %s", delivery.channel_name)
    return True
