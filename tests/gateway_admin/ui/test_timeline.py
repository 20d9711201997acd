"""The tab "Timeline": strips, shares, the last checks, and the list of flips with its filters."""

import pytest

from gateway_admin.monitoring import queries
from gateway_admin.monitoring.actions import Flip, Source, mark_targets
from gateway_admin.monitoring.checks.recent import Probe

from .builders import CHECKS_ON, HOSTILE, a_target, an_upstream, unhealthy


@pytest.fixture
def upstream(db):
    return an_upstream(healthchecks=CHECKS_ON)


@pytest.fixture
def target(upstream):
    return a_target(upstream)


def of(page, entity):
    return page.get("entity-tab", entity.kind, entity.pk, "timeline")


def test_a_flip_with_its_cause_and_what_found_out(page, upstream, target):
    unhealthy(target, "3 of 3 HTTP failures: 503, 503, 503")
    text = of(page, upstream).text
    assert "3 of 3 HTTP failures: 503, 503, 503" in text
    assert "by health check" in text
    assert 'class="strip"' in text


def test_the_person_who_did_it_is_named_and_escaped(page, upstream, target):
    flip = Flip(str(target.pk), str(upstream.pk), target.target, False, HOSTILE, actor=HOSTILE)
    mark_targets([flip], source=Source.MANUAL)
    text = of(page, upstream).text
    assert HOSTILE not in text
    assert "&lt;b&gt;" in text


def test_a_target_has_its_own(page, upstream, target):
    other = a_target(upstream, "10.0.0.2:8000")
    unhealthy(target, "of the one")
    unhealthy(other, "of the other")
    text = of(page, target).text
    assert "of the one" in text
    assert "of the other" not in text


def test_the_last_checks_are_shown(page, target, monkeypatch):
    probes = {str(target.pk): [Probe(1_700_000_000_000, 12, "failure", "503")]}
    monkeypatch.setattr("gateway_admin.monitoring.timeline.last_probes", lambda targets: probes)
    text = of(page, target).text
    assert "12 ms" in text
    assert "1 of the last 1 checks failed" in text


def test_without_redis_the_page_is_there(page, target):
    assert queries.last_probes([target]) == {}
    assert "No checks" in of(page, target).text


def test_the_list_can_be_narrowed(page, client, upstream, target):
    unhealthy(target, "a check said so")
    flip = Flip(str(target.pk), str(upstream.pk), target.target, True, "a person said so")
    mark_targets([flip], source=Source.MANUAL)
    address = f"/admin-ui/upstreams/{upstream.pk}/timeline/"

    def causes(query):
        return [event.cause for event in client.get(address, query).context["events"]]

    assert causes({}) == ["a person said so", "a check said so"]
    assert causes({"source": "manual"}) == ["a person said so"]
    assert causes({"result": "down"}) == ["a check said so"]
    assert causes({"target": str(upstream.pk)}) == []
    assert len(causes({"source": "magic", "target": "'; --", "page": "x"})) == 2


def test_the_overview_shows_the_latest_flips(page, target, monkeypatch):
    unhealthy(target, "one that just happened")
    assert "Latest flips" in page.get("overview").text
    assert page.get("overview").text.count("one that just happened") == 2


def test_nobody_who_is_not_signed_in(client, upstream):
    assert client.get(f"/admin-ui/upstreams/{upstream.pk}/timeline/").status_code == 302
