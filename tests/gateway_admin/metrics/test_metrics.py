"""``/metrics`` of the control plane: who may, and that its numbers are those of the rows."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gateway_admin.alerts.models import Alert, AlertDelivery
from gateway_admin.catalog import actions
from gateway_admin.catalog.changes import head_version
from gateway_admin.catalog.models import Upstream
from gateway_admin.metrics.families import families
from gateway_admin.monitoring.actions import Source, mark_targets, record_engine
from gateway_admin.monitoring.checks.load import WINDOW_MS, Counted, LoadStore
from gateway_admin.monitoring.models import HealthHead
from gateway_admin.monitoring.queries import target_states
from gateway_admin.monitoring.redis_client import redis_client
from proxy_engine import spec
from proxy_engine.telemetry.exposition import render
from tests.gateway_admin.builders import a_token
from tests.gateway_admin.monitoring.builders import ALICE, a_flip, a_report, a_target, an_upstream
from tests.proxy_engine.support.metrics import Scrape

pytestmark = pytest.mark.django_db


@pytest.fixture
def scrape(charlie, browser):
    def ask() -> Scrape:
        response = browser(charlie).get("/metrics")
        assert response.status_code == 200
        assert response["Content-Type"].startswith("text/plain; version=0.0.4")
        assert response["Cache-Control"] == "no-store"
        return Scrape(response.content)

    return ask


class TestAccess:
    def test_a_stranger_is_told_nothing(self):
        response = Client().get("/metrics")
        assert response.status_code == 401
        assert b"gatehouse_" not in response.content

    def test_a_token_that_reads_is_enough(self, charlie):
        headers = {"Authorization": f"Bearer {a_token(charlie, scope='read')}"}
        assert Client(headers=headers).get("/metrics").status_code == 200

    def test_a_wrong_token_is_refused(self, db):
        assert Client(headers={"Authorization": "Bearer wrong"}).get("/metrics").status_code == 401

    @pytest.mark.parametrize(("address", "status"), [("127.0.0.1", 200), ("192.0.2.7", 401)])
    def test_this_machine_needs_no_token_where_it_is_allowed(self, settings, address, status):
        settings.ADMIN_API_ANONYMOUS = "loopback"
        assert Client(REMOTE_ADDR=address).get("/metrics").status_code == status

    def test_it_is_only_read(self, alice, browser):
        assert browser(alice).post("/metrics").status_code == 405


def test_entities_and_the_version_are_counted(scrape):
    upstream = an_upstream()
    a_target(upstream)
    a_target(upstream)
    found = scrape()
    assert (found("gatehouse_entities", kind="upstreams"), found("gatehouse_entities", kind="targets")) == (1, 2)
    assert {labels["kind"] for labels in found.series("gatehouse_entities")} == set(spec.KINDS)
    assert found("gatehouse_config_head_version") == head_version() == 3


def test_engines_are_told_by_state_and_one_by_one(scrape):
    an_upstream()
    now = timezone.now()
    gone = a_report(name="gone", version=1)
    odd = a_report(name='an "odd"\\name\n', version=0)
    record_engine(gone, now=now - timedelta(minutes=1))
    record_engine(odd, now=now)
    for name in ("one", "two"):
        record_engine(a_report(name=name, version=1), now=now)
    found = scrape()
    states = {state: found("gatehouse_engine_nodes", state=state) for state in ("current", "behind", "silent")}
    assert states == {"current": 2, "behind": 1, "silent": 1}
    assert found("gatehouse_engine_node_version", node_id=odd.node_id, name=odd.name) == 0
    seen_at = found("gatehouse_engine_node_seen_timestamp_seconds", node_id=gone.node_id, name="gone")
    assert seen_at == pytest.approx(now.timestamp() - 60, abs=1)


def some_targets_of_every_state():
    checked, unchecked = an_upstream(), actions.create(kind="upstreams", values={"name": "unchecked"}, actor=ALICE)
    named = [a_target(checked, f"{name}.test:80") for name in ("here", "lost")]
    sick, moved, sick_but_off, *_ = [a_target(checked) for _ in range(3)]
    a_target(checked, weight=0)
    lost_but_off, lost_and_weightless = a_target(unchecked, "off.test:80"), a_target(checked, "w.test:80", weight=0)
    a_target(unchecked)
    mark_targets([a_flip(target) for target in (sick, moved, sick_but_off, named[1])], source=Source.ACTIVE)
    actions.update(kind="targets", entity_id=moved.pk, values={"target": "10.9.9.9:80"}, actor=ALICE)
    actions.update(kind="targets", entity_id=sick_but_off.pk, values={"weight": 0}, actor=ALICE)
    lost = [str(target.pk) for target in (named[1], lost_but_off, lost_and_weightless)]
    record_engine(a_report(unresolved=[lost]), now=timezone.now())


def test_targets_are_counted_in_the_states_that_their_pages_show(scrape):
    some_targets_of_every_state()
    shown: dict[str, int] = {}
    for upstream in Upstream.objects.all():
        checks = spec.to_spec("upstreams", upstream.to_values()).healthchecks
        for state in target_states(checks, upstream.targets.select_related("health")):
            shown[state.state.lower()] = shown.get(state.state.lower(), 0) + 1
    found = scrape()
    counted = {labels["state"]: found("gatehouse_targets", **labels) for labels in found.series("gatehouse_targets")}
    assert counted == shown
    assert set(counted) == {"healthy", "unhealthy", "dns_error", "healthchecks_off"}


def test_flips_are_counted(scrape):
    target = a_target(an_upstream())
    before = scrape()("gatehouse_health_events_total")
    mark_targets([a_flip(target)], source=Source.ACTIVE)
    assert scrape()("gatehouse_health_events_total") == before + 1 == HealthHead.objects.get().seq


def test_checks_are_told_with_their_lag(scrape, redis_settings):
    due_ms = round(time.time() * 1000) - 2 * WINDOW_MS
    counted = Counted()
    for late_ms in (3, 400, 20_000):
        counted.made(due_ms, late_ms)
    counted.left_out(due_ms)
    LoadStore(redis_client()).tell(counted.take())
    found = scrape()
    assert found("gatehouse_health_checks_total", outcome="made") == 3
    assert found("gatehouse_health_checks_total", outcome="left_out") == 1
    name = "gatehouse_health_check_lag_seconds"
    assert [found(f"{name}_bucket", le=le) for le in ("0.002", "0.005", "0.5", "10", "+Inf")] == [0, 1, 2, 2, 3]
    assert (found(f"{name}_count"), found(f"{name}_sum")) == (3, 20.403)
    assert (found("gatehouse_health_checks_late"), found("gatehouse_health_checks_lost")) == (1, 1)


def test_without_redis_nothing_is_told_of_checks_and_the_rest_is_there(scrape, monkeypatch):
    monkeypatch.setattr("gateway_admin.metrics.families.check_load", lambda: None)
    found = scrape()
    assert not any("health_check" in name for name in found.names())
    assert found("gatehouse_alerts", state="firing") == 0


def test_alerts_and_deliveries_are_told_by_state(scrape):
    now = timezone.now()
    for number, fields in enumerate([{}, {"fired_at": now}, {"fired_at": now}, {"fired_at": now, "resolved_at": now}]):
        about = {"rule_name": "down", "condition": "target_down", "label": "10.0.0.1:80", "cause": "refused"}
        Alert.objects.create(subject_kind="target", subject_id=str(number), since=now, **about, **fields)
    for state in ("sent", "sent", "failed"):
        AlertDelivery.objects.create(channel_name="hook", items=[], state=state)
    found = scrape()
    assert (found("gatehouse_alerts", state="pending"), found("gatehouse_alerts", state="firing")) == (1, 2)
    assert [found("gatehouse_alert_deliveries", state=state) for state in ("waiting", "sent", "failed")] == [0, 2, 1]


def test_the_number_of_statements_does_not_grow():
    def statements() -> int:
        with CaptureQueriesContext(connection) as made:
            render(families())
        return len(made)

    few = statements()
    some_targets_of_every_state()
    assert statements() == few <= 10


def test_every_name_is_documented(scrape, redis_settings):
    redis_client().hset("{gatehouse:checks}:totals", "tick_ms", 1)
    table = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()
    types = scrape().types
    assert len(types) > 15
    for name, type in types.items():
        shown = f"{name}_total" if type == "counter" else name
        assert f"| `{shown}` | {type} |" in table, shown
