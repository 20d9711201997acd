"""What is read for the conditions, from real rows."""

from datetime import timedelta

import pytest
from django.utils import timezone

from gateway_admin.alerts.facts import READERS, read_facts
from gateway_admin.monitoring.actions import Source, mark_targets, record_engine
from gateway_admin.monitoring.checks.schedule import DUE
from gateway_admin.monitoring.redis_client import redis_client
from tests.gateway_admin.monitoring.builders import a_flip, a_report, a_target, an_upstream
from tests.gateway_admin.monitoring.conftest import redis_settings, redis_socket  # noqa: F401

pytestmark = pytest.mark.django_db


def test_weights_are_those_of_targets_in_use():
    upstream = an_upstream("pool")
    a_target(upstream, weight=30)
    sick = a_target(upstream, weight=10)
    a_target(upstream, weight=500, enabled=False)
    a_target(upstream, weight=0)
    mark_targets([a_flip(sick)], source=Source.ACTIVE)

    known = read_facts(["upstreams", "targets_down"], timezone.now())
    assert [tuple(found)[1:] for found in known.upstreams] == [("pool", 2, 40, 30)]
    assert [(found.id, found.upstream, found.cause) for found in known.targets_down] == [
        (str(sick.pk), "pool", "3 of 3 HTTP failures: 503, 503, 503")
    ]


def test_a_target_that_nobody_uses_is_not_down():
    target = a_target(an_upstream(), enabled=False)
    mark_targets([a_flip(target)], source=Source.ACTIVE)
    assert read_facts(["targets_down"], timezone.now()).targets_down == ()


def test_an_upstream_without_targets_in_use_is_not_judged():
    an_upstream()
    assert read_facts(["upstreams"], timezone.now()).upstreams == ()


def test_engines_are_live_or_not():
    now = timezone.now()
    record_engine(a_report(name="here"), now=now)
    record_engine(a_report(name="gone"), now=now - timedelta(minutes=1))
    assert {engine.name: engine.is_live for engine in read_facts(["engines"], now).engines} == {
        "here": True,
        "gone": False,
    }


def test_the_lag_is_that_of_the_oldest_check(redis_settings):  # noqa: F811
    assert read_facts(["lag_s"], timezone.now()).lag_s == 0
    redis_client().zadd(DUE, {"some-target": round((timezone.now() - timedelta(seconds=30)).timestamp() * 1000)})
    assert 29 < read_facts(["lag_s"], timezone.now()).lag_s < 60


def test_the_number_of_statements_does_not_grow(django_assert_num_queries):
    for _ in range(5):
        mark_targets([a_flip(a_target(an_upstream()))], source=Source.ACTIVE)
    with django_assert_num_queries(4):
        read_facts(READERS.keys() - {"lag_s"}, timezone.now())
