"""Who is checked, and that reading it again costs what changed."""

import pytest

from gateway_admin.catalog.models import Change, Upstream
from gateway_admin.monitoring.checks.plan import PlanReader, plan_checks
from gateway_admin.monitoring.checks.probes import ASK
from gateway_admin.monitoring.checks.tls import read_pair
from proxy_engine.spec.health_fields import CHECK_TYPES
from tests.gateway_admin.builders import a_certificate
from tests.gateway_admin.monitoring.builders import (
    a_check,
    a_target,
    a_target_spec,
    an_upstream,
    an_upstream_spec,
    edit,
    remove,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader():
    return PlanReader()


def targets_of(plan):
    return {check.address for check in plan.checks.values()}


def test_targets_of_upstreams_with_active_checks_are_checked(reader):
    a_target(an_upstream(), "10.0.0.1:8080")
    a_target(an_upstream(interval=0), "10.0.0.2:8080")
    assert targets_of(reader.current()) == {"10.0.0.1:8080"}


@pytest.mark.parametrize("half", ["healthy", "unhealthy"])
def test_one_interval_is_enough(reader, half):
    a_target(an_upstream(interval=0, active={half: {"interval": 5}}), "10.0.0.1:8080")
    assert targets_of(reader.current()) == {"10.0.0.1:8080"}


@pytest.mark.parametrize("kind", CHECK_TYPES)
def test_all_types_are_spoken(reader, kind):
    a_target(an_upstream(kind=kind))
    assert len(reader.current().checks) == 1
    assert kind in ASK


def test_weight_0_is_not_checked_but_a_disabled_target_is(reader):
    upstream = an_upstream()
    a_target(upstream, "10.0.0.1:8080", weight=0)
    a_target(upstream, "10.0.0.2:8080", enabled=False)
    assert targets_of(reader.current()) == {"10.0.0.2:8080"}


def test_a_row_that_cannot_be_read_leaves_the_others_alone(reader, caplog):
    a_target(an_upstream(), "10.0.0.1:8080")
    broken = an_upstream()
    a_target(broken, "10.0.0.2:8080")
    Upstream.objects.filter(pk=broken.pk).update(healthchecks={"active": "?"})
    assert targets_of(reader.current()) == {"10.0.0.1:8080"}
    assert str(broken.pk) in caplog.text


# --- Keeping up ------------------------------------------------------------------------------------------------------


def test_nothing_changed_is_one_statement(reader, django_assert_num_queries):
    a_target(an_upstream())
    plan = reader.current()
    with django_assert_num_queries(1):
        assert reader.current() is plan


def test_an_edit_elsewhere_reads_no_targets(reader, django_assert_num_queries):
    a_target(an_upstream())
    before = reader.current()
    edit(an_upstream(interval=0), tags=["idle"])
    reader.current()
    edit(Upstream.objects.filter(tags=["idle"]).get(), slots=2000)
    with django_assert_num_queries(4):  # head, count and rows of the log, the upstream that was edited
        after = reader.current()
    assert after.version > before.version
    assert after.digest == before.digest


@pytest.mark.parametrize("change", ["new target", "weight", "checks", "deleted target", "deleted upstream"])
def test_following_the_log_ends_where_reading_everything_does(reader, change):
    upstream = an_upstream()
    first, second = a_target(upstream), a_target(upstream)
    a_target(an_upstream())
    before = reader.current()
    match change:
        case "new target":
            a_target(upstream)
        case "weight":
            edit(first, weight=0)
        case "checks":
            edit(upstream, healthchecks={"active": {"http_path": "/health"}})
        case "deleted target":
            remove(second)
        case "deleted upstream":
            remove(upstream)
    after = reader.current()
    assert after.digest != before.digest
    assert after.digest == PlanReader().current().digest


def test_a_pruned_log_means_reading_everything(reader):
    upstream = an_upstream()
    reader.current()
    a_target(upstream)
    a_target(upstream)
    Change.objects.order_by("-version").first().delete()
    assert reader.current().digest == PlanReader().current().digest


# --- Fingerprints ----------------------------------------------------------------------------------------------------


def test_equal_settings_have_equal_fingerprints():
    statuses = [200, 204, 301, 302, 404]
    first = a_check(active={"healthy": {"http_statuses": statuses}})
    second = a_check(active={"healthy": {"http_statuses": statuses[::-1]}})
    assert first.fingerprint == second.fingerprint


@pytest.mark.parametrize(
    "edited",
    [
        {"target": "127.0.0.1:9001"},
        {"host_header": "shop.example"},
        {"timeout": 2},
        {"interval": 2},
        {"successes": 2},
        {"kind": "tcp"},
        {"active": {"http_path": "/health"}},
        {"active": {"headers": {"X-Probe": ["1"]}}},
        {"active": {"healthy": {"http_statuses": [200]}}},
    ],
)
def test_whatever_an_answer_depends_on_changes_the_fingerprint(edited):
    assert a_check(**edited).fingerprint != a_check().fingerprint


def test_weight_and_switch_do_not_change_it():
    upstream = an_upstream_spec()
    plain = a_target_spec(upstream, key="00000000-0000-4000-8000-000000000001")
    other = a_target_spec(upstream, key=plain.id, weight=1, enabled=False)
    first, second = (plan_checks(upstream, [target])[plain.id] for target in (plain, other))
    assert first.fingerprint == second.fingerprint


@pytest.mark.parametrize(("seconds", "milliseconds"), [(0, 0), (0.001, 100), (0.5, 500), (5, 5000)])
def test_intervals_below_a_tenth_of_a_second_are_one(seconds, milliseconds):
    check = a_check(interval=1, active={"healthy": {"interval": seconds}})
    assert check.interval_ms(healthy=True) == milliseconds


@pytest.mark.parametrize(
    ("rules", "may_recover"),
    [({}, True), ({"healthy": {"successes": 0}}, False), ({"unhealthy": {"interval": 0}}, False)],
)
def test_without_successes_or_interval_nothing_could_lift_a_mark(rules, may_recover):
    assert a_check(active=rules).may_recover is may_recover


def test_another_port_and_host_are_asked_and_the_address_stays_the_targets():
    check = a_check("10.0.0.1:8080", host_header="a.example", probe={"port": 9090, "host": "b.example"})
    assert (check.address, check.port, check.host_header) == ("10.0.0.1:8080", 9090, "b.example")


@pytest.mark.parametrize(
    ("probe", "is_another"),
    [
        ({"method": "HEAD"}, True),
        ({"contains": "x"}, True),
        ({"json": ["a=1"]}, True),
        ({"port": 1}, True),
        ({"grpc_service": "x"}, True),
        ({"jitter": 5}, False),
        ({"start_unhealthy": True}, False),
    ],
)
def test_what_an_answer_depends_on_makes_another_check(probe, is_another):
    upstream, target = an_upstream_spec(), a_target_spec(an_upstream_spec(), "10.0.0.1:80")
    [before] = plan_checks(upstream, [target]).values()
    [after] = plan_checks(an_upstream_spec(probe=probe), [target]).values()
    assert (before.fingerprint != after.fingerprint) is is_another


def test_an_edited_client_certificate_makes_another_check(reader):
    certificate = a_certificate()
    upstream = an_upstream()
    edit(upstream, client_certificate={"id": str(certificate.pk)})
    a_target(upstream)
    [before] = reader.current().checks.values()
    assert before.certificate.id == str(certificate.pk)
    edit(certificate, tags=["renewed"])
    [after] = reader.current().checks.values()
    assert after.fingerprint != before.fingerprint
    assert read_pair(after.certificate.id).key == certificate.key
    assert read_pair("00000000-0000-4000-8000-000000000000") is None
