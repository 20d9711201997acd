"""Checks, plans and rows, valid by default: a test names only what it is about."""

from itertools import count
from uuid import uuid4

from gateway_admin.catalog import actions
from gateway_admin.catalog.actions import Actor
from gateway_admin.monitoring.actions import Flip
from gateway_admin.monitoring.checks.plan import Check, Plan, make_plan, plan_checks
from proxy_engine import spec
from proxy_engine.sources import Ejection, NodeReport, Unresolved, WorkerReport

ALICE = Actor("alice", "ui")
numbers = count(1)


def healthchecks(*, kind="http", timeout=1, interval=1, successes=1, failures=3, threshold=0, active=None):
    """Active checks that are on: every second, up after one success, down after three failures of a kind."""
    counts = dict.fromkeys(("http_failures", "tcp_failures", "timeouts"), failures)
    rules = {
        "healthy": {"interval": interval, "successes": successes},
        "unhealthy": {"interval": interval, **counts},
    }
    merged = spec.merge("upstreams", {"healthchecks": {"active": rules}}, {"healthchecks": {"active": active or {}}})
    return {
        "active": {"type": kind, "timeout": timeout, **merged["healthchecks"]["active"]},
        "threshold": threshold,
    }


# --- Values only -----------------------------------------------------------------------------------------------------


def an_upstream_spec(*, host_header=None, probe=None, **checks) -> spec.Upstream:
    values = {"name": "pool", "host_header": host_header, "healthchecks": healthchecks(**checks), "probe": probe}
    return spec.to_spec("upstreams", _checked("upstreams", values))


def a_target_spec(upstream: spec.Upstream, target="127.0.0.1:9000", *, key=None, **fields) -> spec.Target:
    values = {"id": key or str(uuid4()), "target": target, "upstream": {"id": upstream.id}} | fields
    return spec.to_spec("targets", _checked("targets", values))


def _checked(kind, values):
    result = spec.check(kind, {"id": str(uuid4())} | values)
    assert not result.problems, result.problems
    return result.values


def a_check(target="127.0.0.1:9000", *, target_id=None, host_header=None, certificate=None, **checks) -> Check:
    upstream = an_upstream_spec(host_header=host_header, **checks)
    planned = plan_checks(upstream, [a_target_spec(upstream, target, key=target_id)], certificate)
    return next(iter(planned.values()))


def a_plan(*checks: Check, version=1) -> Plan:
    return make_plan(version, "epoch", {check.target_id: check for check in checks})


# --- Rows ------------------------------------------------------------------------------------------------------------


def an_upstream(name=None, *, host_header=None, probe=None, **checks):
    values = {"name": name or f"upstream-{next(numbers)}", "healthchecks": healthchecks(**checks), "probe": probe}
    return actions.create(kind="upstreams", values=values | {"host_header": host_header}, actor=ALICE)


def a_target(upstream, target=None, **fields):
    number = next(numbers)
    values = {
        "target": target or f"10.0.{number // 250}.{number % 250 + 1}:8080",
        "upstream": {"id": str(upstream.pk)},
    } | fields
    return actions.create(kind="targets", values=values, actor=ALICE)


def edit(entity, **values):
    return actions.update(kind=entity.kind, entity_id=entity.pk, values=values, actor=ALICE)


def remove(entity):
    return actions.delete(kind=entity.kind, entity_id=entity.pk, actor=ALICE)


def a_flip(target, *, healthy=False, cause="3 of 3 HTTP failures: 503, 503, 503", judged_by="check"):
    return Flip(str(target.pk), str(target.upstream_id), target.target, healthy, cause, judged_by)


def a_report(node_id=None, *, version=1, ejected=((),), unresolved=None, draining=(), ramping=(), **fields):
    """For each worker: ``ejected``, what its breakers keep out; ``unresolved``, ids of the targets it cannot find;
    ``draining`` and ``ramping`` likewise, or none."""
    values = {"name": "engine-1", "pid": 4000, "started_at": 1_700_000_000.0, "problems": []} | fields
    workers = [
        WorkerReport(
            pid=4001 + number,
            version=version,
            requests=10,
            active=1,
            connections=2,
            ejected=list(out),
            unresolved=[Unresolved(key, "no such name") for key in unresolved[number]] if unresolved else [],
        )
        for number, out in enumerate(ejected)
    ]
    for name, facts in (("draining", draining), ("ramping", ramping)):
        for worker, of_worker in zip(workers, facts, strict=False):
            getattr(worker, name).extend(of_worker)
    return NodeReport(node_id=node_id or str(uuid4()), version=version, workers=workers, **values)


REFUSED = "5 failures in a row: connection refused"


def an_ejection(target, *, since=1_700_000_000.0, until=1_700_000_010.0, cause=REFUSED) -> Ejection:
    state = "half-open" if until is None else "open"
    return Ejection(str(target.pk), state, since, until, cause)
