"""What was observed, over REST: the health of an upstream in Kong's words, a person's mark, the flips, the engines."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from gateway_admin.accounts.authentication import actor_name
from gateway_admin.catalog.models import Target, Upstream
from gateway_admin.catalog.queries import find, with_health
from gateway_admin.catalog.views.policy_words import policy_words
from gateway_admin.common.envelope import success, timestamp
from gateway_admin.common.paging import Page
from gateway_admin.common.parsers import json_body
from gateway_admin.common.problems import EntityNotFound
from gateway_admin.monitoring import queries
from gateway_admin.monitoring.actions import ChecksOff, mark_by_hand
from gateway_admin.monitoring.checks.load import CheckLoad
from gateway_admin.monitoring.checks.recent import Probe
from gateway_admin.monitoring.histories import uptimes
from gateway_admin.monitoring.models import HealthEvent
from gateway_admin.monitoring.queries import EngineState, TargetState, UpstreamState
from gateway_admin.monitoring.uptime import Uptime
from proxy_engine import spec
from proxy_engine.spec.build import healthchecks

from . import openapi


@dataclass(frozen=True)
class Filter:
    """A parameter that narrows a list. ``read`` gives None for what it cannot be."""

    condition: str
    read: Callable[[str], Any]
    expected: str


def moment(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:  # 2027-02-31
        return None
    return found if found and found.tzinfo else None


AN_ID = (lambda text: text if spec.is_uuid(text) else None, "expected a valid UUID")
A_MOMENT = (moment, "expected a date and time with its zone, such as 2027-01-31T12:00:00Z")
EVENT_FILTERS = {
    "upstreamId": Filter("upstream_id", *AN_ID),
    "targetId": Filter("target_id", *AN_ID),
    "source": Filter(
        "source",
        {name: name for name in HealthEvent.Source.values}.get,
        "expected one of: " + ", ".join(HealthEvent.Source.values),
    ),
    "healthy": Filter("healthy", {"true": True, "false": False}.get, "expected true or false"),
    "since": Filter("since", *A_MOMENT),
    "until": Filter("until", *A_MOMENT),
}


class ReadOnly(APIView):
    http_method_names = ["get", "head"]
    schema = openapi.Described()


class UpstreamHealth(ReadOnly):
    """``GET /api/upstreams/{upstream}/health``; the upstream by id or name."""

    kind = "upstreams"
    operation = openapi.UPSTREAM_HEALTH

    def get(self, request, upstream):
        refuse_unknown(request.query_params, set())
        state = queries.upstream_state(find("upstreams", upstream, Upstream.objects.all()))
        return Response(success(upstream_answer(state)))


class TargetHealth(APIView):
    """``PUT /api/targets/{target}/health``: a person's word, which the next flip of a check overrules."""

    kind = "targets"
    http_method_names = ["put"]
    schema = openapi.Described()
    operation = openapi.TARGET_HEALTH

    def put(self, request, target):
        refuse_unknown(request.query_params, set())
        found = find("targets", target, with_health(Target.objects.all())) if spec.is_uuid(target) else None
        if found is None:
            raise EntityNotFound("targets", target)
        body = json_body(request)
        if not isinstance(body, dict) or set(body) != {"healthy"} or not isinstance(body["healthy"], bool):
            raise ValidationError({"healthy": ["expected true or false, and nothing else"]})
        try:
            mark_by_hand(found, healthy=body["healthy"], by=actor_name(request.user, request.auth))
        except ChecksOff as off:
            raise ValidationError({"healthy": [str(off)]}) from off
        [state] = queries.target_states(
            healthchecks(found.upstream.healthchecks), with_health(Target.objects.filter(pk=found.pk))
        )
        return Response(success(target_answer(state)))


class UpstreamUptime(ReadOnly):
    """``GET /api/upstreams/{upstream}/uptime``: of it and of each of its targets."""

    kind = "upstreams"
    operation = openapi.UPTIME

    def get(self, request, upstream):
        refuse_unknown(request.query_params, set())
        found = uptimes(find("upstreams", upstream, Upstream.objects.all()))
        targets = [
            {"id": str(target.pk), "target": target.target} | shares_answer(found.targets[target.pk])
            for target in found.rows
        ]
        return Response(success(shares_answer(found.upstream) | {"targets": targets}))


class TargetProbes(ReadOnly):
    """``GET /api/targets/{target}/probes``: its last active checks, newest first."""

    kind = "targets"
    operation = openapi.PROBES

    def get(self, request, target):
        refuse_unknown(request.query_params, set())
        row = find("targets", target, Target.objects.all())
        return Response(success([probe_answer(probe) for probe in queries.last_probes([row]).get(str(row.pk), [])]))


class HealthEvents(ReadOnly):
    """``GET /api/health-events``: the timeline, newest first."""

    kind = "targets"
    operation = openapi.HEALTH_EVENTS

    def get(self, request):
        query = request.query_params
        refuse_unknown(query, {*EVENT_FILTERS, "page", "limit", "offset"})
        wanted = narrowed(query)
        found, pagination = Page.asked(query).cut(queries.health_events(**wanted))
        return Response(success([event_answer(event) for event in found], pagination=pagination))


class Engines(ReadOnly):
    """``GET /api/engines``: live and lost, by name."""

    kind = None
    operation = openapi.ENGINES

    def get(self, request):
        refuse_unknown(request.query_params, set())
        return Response(success([engine_answer(state) for state in queries.engines().states]))


class HealthCheckLoad(ReadOnly):
    """``GET /api/health-checks``: how the active checks keep up."""

    kind = None
    operation = openapi.HEALTH_CHECKS

    def get(self, request):
        refuse_unknown(request.query_params, set())
        load = queries.check_load()
        return Response(success(load_answer(load) if load else {"state": "unknown"}))


def refuse_unknown(query, known: set[str]) -> None:
    if problems := {name: ["unknown query parameter"] for name in sorted(set(query) - known)}:
        raise ValidationError(problems)


def narrowed(query) -> dict[str, Any]:
    """What ``queries.health_events`` is to narrow to."""
    asked = {name: EVENT_FILTERS[name] for name in query if name in EVENT_FILTERS}
    values = {name: each.read(query[name]) for name, each in asked.items()}
    if problems := {name: [asked[name].expected] for name, value in values.items() if value is None}:
        raise ValidationError(problems)
    return {asked[name].condition: value for name, value in values.items()}


def upstream_answer(state: UpstreamState) -> dict:
    total, available = state.weight_total, state.weight_available
    return {
        "id": str(state.upstream.pk),
        "name": state.upstream.name,
        "health": state.state,
        "balancerHealth": state.balancer_state,
        "threshold": state.healthchecks.threshold,
        "checks": checks_answer(state),
        "weight": {"total": total, "available": available, "unavailable": total - available},
        "targets": [target_answer(member) for member in state.targets],
    }


def checks_answer(state: UpstreamState) -> dict:
    """Whether they could ever mark a target, whatever they look like."""
    words, checks = policy_words(state.upstream.to_values()), state.healthchecks
    return {
        name: {"on": part.can_fail, "says": words[name].sentence}
        for name, part in (("active", checks.active), ("passive", checks.passive))
    }


def target_answer(member: TargetState) -> dict:
    return {
        "id": str(member.target.pk),
        "target": member.target.target,
        "weight": member.target.weight,
        "enabled": member.target.enabled,
        "health": member.state,
        "cause": member.mark.cause if member.mark else "",
        "since": timestamp(member.mark.since) if member.mark else None,
    }


def event_answer(event: HealthEvent) -> dict:
    return {
        "seq": event.pk,
        "at": timestamp(event.at),
        "upstreamId": str(event.upstream_id),
        "targetId": str(event.target_id),
        "target": event.label,
        "healthy": event.healthy,
        "cause": event.cause,
        "source": event.source,
        "actor": event.actor or None,
        "beforeSince": event.before_since and timestamp(event.before_since),
        "episode": episode_answer(event) if event.is_episode else None,
    }


def shares_answer(uptime: Uptime) -> dict:
    return {"uptime": {window.replace(" ", ""): share for window, share in uptime.shares.items()}}


def probe_answer(probe: Probe) -> dict:
    return {
        "at": timestamp(datetime.fromtimestamp(probe.at_ms / 1000, UTC)),
        "tookMs": probe.took_ms,
        "countsAs": probe.counts_as,
        "outcome": probe.text,
    }


def episode_answer(event: HealthEvent) -> dict:
    return {
        "nodeId": str(event.node_id),
        "workers": event.workers,
        "times": event.times,
        "endedAt": event.ended_at and timestamp(event.ended_at),
    }


def load_answer(load: CheckLoad) -> dict:
    return {
        "state": load.state,
        "targets": load.targets,
        "checksPerSecond": round(load.per_s, 1),
        "lagMs": {"p50": load.lag_p50_ms, "p99": load.lag_p99_ms, "max": load.lag_max_ms},
        "made": load.made,
        "late": load.late,
        "lost": load.lost,
        "uncounted": load.uncounted,
        "overdueMs": load.overdue_ms,
        "tickAgeSeconds": None if load.tick_age_s is None else round(load.tick_age_s, 1),
    }


def engine_answer(state: EngineState) -> dict:
    node = state.node
    return {
        "nodeId": str(node.node_id),
        "name": node.name,
        "pid": node.pid,
        "live": state.is_live,
        "version": node.version,
        "behind": state.behind,
        "workers": [worker_answer(worker) for worker in node.workers],
        "problems": node.problems,
        "startedAt": timestamp(node.started_at),
        "seenAt": timestamp(node.seen_at),
    }


def worker_answer(worker: dict) -> dict:
    return worker | {
        "ejected": [ejection_answer(fact) for fact in worker.get("ejected", ())],
        "draining": [
            {"targetId": fact["target_id"], "inFlight": fact["active"]} for fact in worker.get("draining", ())
        ],
        "ramping": [ramp_answer(fact) for fact in worker.get("ramping", ())],
        "unresolved": [
            {"targetId": fact["target_id"], "cause": fact["cause"]} for fact in worker.get("unresolved", ())
        ],
    }


def ramp_answer(fact: dict) -> dict:
    until = datetime.fromtimestamp(fact["until"], UTC)
    return {"targetId": fact["target_id"], "percent": fact["percent"], "until": timestamp(until)}


def ejection_answer(fact: dict) -> dict:
    since, until = (fact[name] and timestamp(datetime.fromtimestamp(fact[name], UTC)) for name in ("since", "until"))
    return {
        "targetId": fact["target_id"],
        "state": fact["state"],
        "since": since,
        "until": until,
        "cause": fact["cause"],
    }
