"""What may stand in the fields of rules, channels and silences; pages and REST come by here, through the actions."""

import ipaddress
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from gateway_admin.catalog.models import Upstream
from proxy_engine import spec
from proxy_engine.spec import Problem
from proxy_engine.spec.scalars import uuid

from .conditions import CONDITIONS
from .models import CHANNEL_TYPES, MAX_NAME, AlertChannel, AlertRule

LONGEST_URL = 2048
SHORTEST_SECRET = 16  # characters
MOST_RECIPIENTS = 50
MOST_CHANNELS = 20
LONGEST_WAIT_S = 86_400


def _web_address(text: str) -> str | None:
    """An address literal that only this machine's cloud answers (169.254.169.254 gives away credentials) is refused
    here, a name that leads there when it is sent to (``sending``)."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return "expected a web address such as https://example.com/hook"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return "expected a web address such as https://example.com/hook"
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "must not have a user, a password or a fragment"
    return "must not be a link-local or multicast address" if is_forbidden_address(parts.hostname) else None


def is_forbidden_address(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_link_local or address.is_multicast or address.is_unspecified


def _mail_address(text: str) -> str | None:
    try:
        validate_email(text)
    except ValidationError:
        return "expected an e-mail address"
    return None


def _moment(text: str) -> str | None:
    return None if parsed_moment(text) else "expected a date and time with its zone, such as 2027-01-31T12:00:00Z"


def parsed_moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


NAME = spec.String(required=True, max_length=MAX_NAME, help="What people call it.")
ENABLED = spec.Boolean(required=True, default=True, help="Off: nothing comes of it.")
UPSTREAMS = spec.Set(
    of=spec.String(max_length=255), min_items=1, help="Names of the upstreams that it is limited to. null: all."
)

RULE: Mapping[str, spec.Field] = {
    "name": NAME,
    "condition": spec.String(required=True, choices=tuple(CONDITIONS), help="What it looks for."),
    "threshold": spec.Number(
        min=0,
        max=LONGEST_WAIT_S,
        help="In % for upstream_below (usually 50), in s for probe_lag (usually 5); the others have none.",
    ),
    "upstreams": UPSTREAMS,
    "for_seconds": spec.Number(
        default=0, min=0, max=LONGEST_WAIT_S, unit="s", help="How long it must last before anybody is told."
    ),
    "remind_minutes": spec.Integer(
        default=0, min=0, max=10_080, unit="min", help="While it lasts, tell again after this time. 0: never."
    ),
    "channels": spec.Set(
        default=[], of=spec.String(rules=(uuid,)), help="Who is told. None: it only shows in the dashboard."
    ),
    "enabled": ENABLED,
}
CHANNEL: Mapping[str, spec.Field] = {
    "name": NAME,
    "type": spec.String(
        required=True, choices=CHANNEL_TYPES, help="webhook: JSON, signed; slack: a text, as Slack takes it; email."
    ),
    "url": spec.String(
        max_length=LONGEST_URL, secret=True, rules=(_web_address,), help="Where webhook and slack are posted to."
    ),
    "secret": spec.String(
        max_length=200,
        secret=True,
        help="Signs webhooks, as standardwebhooks.com says. At least 16 characters; made up where absent.",
    ),
    "recipients": spec.Set(of=spec.String(max_length=254, rules=(_mail_address,)), min_items=1, help="Of e-mail."),
    "group_seconds": spec.Number(
        default=10, min=0, max=3600, unit="s", help="Alerts that come within this time make one message."
    ),
    "tell_resolved": spec.Boolean(required=True, default=True, help="Also tell when it is over."),
    "enabled": ENABLED,
}
SILENCE: Mapping[str, spec.Field] = {
    "reason": spec.String(required=True, max_length=200, help="For those who wonder."),
    "rule": spec.String(rules=(uuid,), help="The id of the rule that is silent. null: all."),
    "upstreams": UPSTREAMS,
    "until": spec.String(required=True, rules=(_moment,), help="When it ends, in ISO 8601 with a zone."),
}


def rule_problems(values: dict[str, Any]) -> Iterator[Problem]:
    condition = CONDITIONS[values["condition"]]
    if condition.unit and values["threshold"] is None:
        values["threshold"] = condition.usual
    elif condition.unit and not 0 < values["threshold"] <= condition.most:
        yield Problem(("threshold",), f"should be above 0 and at most {condition.most:g} {condition.unit}")
    elif not condition.unit and values["threshold"] is not None:
        yield Problem(("threshold",), f"{values['condition']} has none")
    if values["upstreams"] is not None and not condition.is_about_upstreams:
        yield Problem(("upstreams",), f"{values['condition']} is not about upstreams")
    yield from _unknown_upstreams(values["upstreams"])
    yield from _unknown_channels(values["channels"])


def channel_problems(values: dict[str, Any]) -> Iterator[Problem]:
    is_mail = values["type"] == "email"
    wanted, unwanted = ("recipients", ("url", "secret")) if is_mail else ("url", ("recipients",))
    if values[wanted] is None:
        yield Problem((wanted,), f"a channel of type {values['type']} needs this", "required")
    if values["type"] == "slack":
        unwanted = ("secret", "recipients")
    for name in unwanted:
        if values[name] is not None:
            yield Problem((name,), f"a channel of type {values['type']} has none")
    if values["secret"] is not None and len(values["secret"]) < SHORTEST_SECRET:
        yield Problem(("secret",), f"length must be at least {SHORTEST_SECRET}")
    if values["recipients"] is not None and len(values["recipients"]) > MOST_RECIPIENTS:
        yield Problem(("recipients",), f"length must be at most {MOST_RECIPIENTS}")


def silence_problems(values: dict[str, Any]) -> Iterator[Problem]:
    if parsed_moment(values["until"]) <= timezone.now():
        yield Problem(("until",), "is in the past")
    if values["rule"] is not None and not AlertRule.objects.filter(pk=values["rule"]).exists():
        yield Problem(("rule",), "there is no such rule", "reference")
    yield from _unknown_upstreams(values["upstreams"])


def _unknown_upstreams(names: list[str] | None) -> Iterator[Problem]:
    known = set(Upstream.objects.filter(name__in=names).values_list("name", flat=True)) if names else set()
    for place, name in enumerate(names or ()):
        if name not in known:
            yield Problem(("upstreams", place), f"no upstream is called {name}", "reference")


def _unknown_channels(ids: list[str]) -> Iterator[Problem]:
    if len(ids) > MOST_CHANNELS:
        yield Problem(("channels",), f"length must be at most {MOST_CHANNELS}")
        return
    known = {str(pk) for pk in AlertChannel.objects.filter(pk__in=ids).values_list("pk", flat=True)}
    for place, id in enumerate(ids):
        if id.lower() not in known:
            yield Problem(("channels", place), "there is no such channel", "reference")
