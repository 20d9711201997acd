"""What stands at ``/metrics`` on the admin listener: the control plane, and what it knows of engines and checks.

docs/metrics.md tells operators what each name means. What engines measure themselves they tell at their own.
"""

from collections.abc import Iterator
from math import inf

from gateway_admin.monitoring.checks.load import CheckLoad
from gateway_admin.monitoring.queries import Engines, check_load, engines
from proxy_engine.telemetry.exposition import Metric, counter, gauge, histogram

from . import queries


def families() -> Iterator[Metric]:
    """A fixed number of statements."""
    known = engines()
    yield gauge("gatehouse_config_head_version", "Newest version of the configuration.", known.head)
    yield gauge("gatehouse_entities", "Entities, by kind.", queries.entity_counts(), "kind")
    yield from _of_engines(known)
    targets = {state.lower(): count for state, count in queries.target_counts().items()}
    yield gauge("gatehouse_targets", "Targets, by the state of their health.", targets, "state")
    yield counter("gatehouse_health_events_total", "Changes of health that were stored.", queries.flip_count())
    if load := check_load():
        yield from _of_checks(load)
    yield gauge("gatehouse_alerts", "Open alerts.", queries.open_alert_counts(), "state")
    yield gauge("gatehouse_alert_deliveries", "Deliveries that are kept.", queries.delivery_counts(), "state")


def _of_engines(known: Engines) -> Iterator[Metric]:
    states = {"current": 0, "behind": len(known.behind), "silent": len(known.lost)}
    states["current"] = len(known.states) - sum(states.values())
    yield gauge("gatehouse_engine_nodes", "Engines that are known.", states, "state")
    by_node = {(str(state.node.pk), state.node.name): state.node for state in known.states}
    versions = {labels: node.version for labels, node in by_node.items()}
    seen_at = {labels: node.seen_at.timestamp() for labels, node in by_node.items()}
    labels = ("node_id", "name")
    yield gauge("gatehouse_engine_node_version", "Lowest version that its workers run.", versions, *labels)
    yield gauge("gatehouse_engine_node_seen_timestamp_seconds", "When it last reported, unix time.", seen_at, *labels)


def _of_checks(load: CheckLoad) -> Iterator[Metric]:
    """Counters begin anew when Redis is emptied; ``lost`` is told of the last minute only, as it is found out late."""
    outcomes = {name: load.totals[name] for name in ("made", "left_out", "uncounted")}
    finite = [bound_ms for bound_ms in load.lags if bound_ms != inf]
    total_s = load.totals["lag_ms"] / 1000
    yield counter("gatehouse_health_checks_claimed_total", "Active checks that were due.", load.totals["claimed"])
    yield counter("gatehouse_health_checks_total", "Active checks, by what became of them.", outcomes, "outcome")
    yield histogram(
        "gatehouse_health_check_lag_seconds",
        "From the moment a check was due until it began.",
        [bound_ms / 1000 for bound_ms in finite],
        list(load.lags.values()),
        total_s,
    )
    for name, about, value in (
        ("per_second", "Made per second over the last minute.", load.per_s),
        ("late", "Of the last minute, those that began more than a second late.", load.late),
        ("lost", "Of the last minute, those that were never made.", load.lost),
        ("targets", "Targets that are checked.", load.targets),
        ("overdue_seconds", "How long the check that is due longest has been waiting.", load.overdue_s),
    ):
        yield gauge(f"gatehouse_health_checks_{name}", about, value)
    if load.tick_age_s is not None:
        about = "Since the agenda was last looked at."
        yield gauge("gatehouse_health_checks_tick_age_seconds", about, load.tick_age_s)
