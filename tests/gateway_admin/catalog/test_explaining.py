"""Explanations follow what is stored: configuration and health, at little cost when nothing changed."""

import uuid

import pytest
from django.utils import timezone

from gateway_admin.catalog import actions
from gateway_admin.catalog.explaining import Explainer, Question
from gateway_admin.catalog.models import Head
from gateway_admin.monitoring.actions import Flip, mark_targets
from gateway_admin.monitoring.models import TargetHealth
from tests.gateway_admin.builders import ALICE, a_route, a_service, a_target, an_upstream, to

pytestmark = pytest.mark.django_db
LOOK = 3  # what the configuration is, which health changed, who starts slowly


def a_question(target="/api", **fields):
    whole = {"method": "GET", "host": "a.test", "headers": (), "scheme": "http", "port": 80, "client_ip": "192.0.2.1"}
    return Question(target=target, **whole | fields)


def mark(target, *, healthy):
    flip = Flip(str(target.pk), str(target.upstream_id), target.target, healthy, "3 of 3 checks failed")
    mark_targets([flip], source=TargetHealth.Source.ACTIVE, at=timezone.now())


def percents(explainer):
    return [chance.percent for chance in explainer.explain(a_question()).forwarding.targets]


@pytest.fixture
def explainer():
    return Explainer()


@pytest.fixture
def pool():
    upstream = an_upstream(name="pool")
    a_route(paths=["/api"], service=to(a_service(host="pool")))
    return upstream


def test_an_empty_database_is_a_configuration_too(explainer):
    told = explainer.explain(a_question())

    assert (told.version, told.answer.status) == (0, 404)


def test_the_stored_configuration_is_asked(explainer, pool):
    a_target(pool, weight=3)
    last = a_target(pool, weight=1)

    told = explainer.explain(a_question("/api/x"))

    assert told.version == Head.objects.get().version
    assert (told.forwarding.path, told.forwarding.upstream.name) == (b"/x", "pool")
    assert {chance.target.id: chance.percent for chance in told.forwarding.targets}[str(last.pk)] == 25.0


def test_the_same_question_again_costs_a_look(explainer, pool, django_assert_num_queries):
    a_target(pool)
    explainer.explain(a_question())

    with django_assert_num_queries(LOOK):
        assert percents(explainer) == [100.0]


def test_an_edit_counts_at_once(explainer, pool):
    target = a_target(pool)
    assert percents(explainer) == [100.0]

    actions.update(kind="targets", entity_id=target.pk, values={"enabled": False}, actor=ALICE)

    assert percents(explainer) == [0.0]


def test_health_counts_at_once_and_costs_no_more(explainer, pool, django_assert_num_queries):
    first, second = sorted((a_target(pool), a_target(pool)), key=lambda target: str(target.pk))
    assert percents(explainer) == [50.0, 50.0]

    mark(first, healthy=False)
    with django_assert_num_queries(LOOK):
        assert percents(explainer) == [0.0, 100.0]
    mark(first, healthy=True)
    mark(second, healthy=False)
    assert percents(explainer) == [100.0, 0.0]


def test_health_from_before_the_first_question_counts(explainer, pool):
    mark(a_target(pool), healthy=False)

    assert explainer.explain(a_question()).forwarding.targets[0].obstacles == ("unhealthy",)


def test_another_database_is_another_configuration(explainer, pool):
    a_target(pool)
    assert percents(explainer) == [100.0]
    Head.objects.update(epoch=uuid.uuid4())
    actions.delete(kind="routes", entity_id=a_route().pk, actor=ALICE)

    assert percents(explainer) == [100.0]


def test_a_question_is_a_head_on_the_wire():
    question = a_question("/a?b", headers=(("X-A", "1"), ("X-A", "ü")))

    assert question.raw_head == b"GET /a?b HTTP/1.1\r\nHost: a.test\r\nX-A: 1\r\nX-A: \xc3\xbc"
