"""The page of one entity: what stands in its head and its tabs."""

import json

import pytest

from gateway_admin.catalog import actions
from gateway_admin.catalog.views.pages import PAGES

from .builders import (
    BOB,
    CHECKS_ON,
    HOSTILE,
    a_route,
    a_service,
    a_target,
    an_upstream,
    one_of_each,
    unhealthy,
)

TABS = [(kind, tab.slug) for kind, pages in PAGES.items() for tab in pages.tabs]


def tab(page, kind, row, slug):
    return page.get("entity-tab", kind, row.pk, slug) if slug else page.get("entity", kind, row.pk)


@pytest.mark.parametrize(("kind", "slug"), TABS)
def test_every_tab_of_every_kind_opens_and_says_where_one_is(page, kind, slug):
    row = one_of_each()[kind]
    response = tab(page, kind, row, slug)
    assert response.status_code == 200
    assert row.label in response.text
    assert response.text.count('aria-current="page"') == 2  # in the bar, and the tab


@pytest.mark.parametrize(("kind", "slug"), TABS)
def test_every_tab_costs_the_same_however_much_there_is(page, kind, slug, django_assert_max_num_queries):
    rows = one_of_each()

    def cost():
        with django_assert_max_num_queries(13) as found:
            tab(page, kind, rows[kind], slug)
        return len(found)

    first = cost()
    for number in range(8):
        unhealthy(a_target(rows["upstreams"], f"10.0.1.{number}:80", tags=["x"]))
        a_route(rows["services"], name=f"r{number}")
        a_service(f"s{number}")
        actions.update(kind=kind, entity_id=rows[kind].pk, values={"tags": [str(number)]}, actor=BOB)
    assert cost() == first


@pytest.mark.parametrize(("kind", "slug"), TABS)
def test_hostile_tags_stay_text_on_every_tab(page, kind, slug):
    row = one_of_each()[kind]
    actions.update(kind=kind, entity_id=row.pk, values={"tags": [HOSTILE]}, actor=BOB)
    assert '<b>&"' not in tab(page, kind, row, slug).text


def test_the_head_of_an_upstream_sums_it_up(page):
    upstream = an_upstream(tags=["team-a"])
    a_target(upstream)
    unhealthy(a_target(upstream, "10.0.0.2:8000"))
    a_route(a_service())
    text = page.get("entity", "upstreams", upstream.pk).text
    assert "1 of 2 targets ready" in text
    assert "round-robin · used by 1 service, 1 route" in text
    assert ">team-a</a>" in text
    assert f'data-live="/ws/upstreams/{upstream.pk}/"' in text


def test_shares_follow_weight_and_health(page):
    upstream = an_upstream()
    a_target(upstream, "10.0.0.1:8000", weight=100)
    a_target(upstream, "10.0.0.2:8000", weight=50)
    unhealthy(a_target(upstream, "10.0.0.3:8000", weight=50))
    a_target(upstream, "10.0.0.4:8000", enabled=False)
    targets = page.get("entity", "upstreams", upstream.pk).context["targets"]
    assert [round(view.share, 3) for view in targets] == [0.667, 0.333, 0.0, 0.0]
    text = page.get("entity", "upstreams", upstream.pk).text
    assert "66.7 %" in text
    assert "was 25 %" in text


def test_a_target_shows_its_state_and_why(page):
    upstream = an_upstream(healthchecks=CHECKS_ON)
    for number, fields in enumerate(({}, {"enabled": False}, {"weight": 0})):
        a_target(upstream, f"10.0.0.{number}:80", **fields)
    unhealthy(a_target(upstream, "10.0.0.9:80"), cause="3 of 3 checks failed: <503>")
    text = page.get("entity", "upstreams", upstream.pk).text
    for words in (
        "never failed a check",
        "gets no traffic, keeps its weight",
        "weight 0",
        "3 of 3 checks failed: &lt;503&gt;",
    ):
        assert words in text


def test_a_target_that_nothing_checks_is_not_called_healthy(page):
    upstream = an_upstream()
    a_target(upstream)
    text = page.get("entity", "upstreams", upstream.pk).text
    assert '<span class="pill ok">ready</span>' in text
    assert "no health checks set up" in text


def test_an_upstream_without_targets_says_what_follows(page):
    text = page.get("entity", "upstreams", an_upstream().pk).text
    assert "answered with 503 until it has a target" in text


def test_health_checks_are_told_in_a_sentence(page):
    upstream = an_upstream(healthchecks=CHECKS_ON)
    text = page.get("entity-tab", "upstreams", upstream.pk, "health-checks").text
    assert "GET / every 5 s; out after 3 bad statuses, 3 failed connections or 3 timeouts" in text


def test_the_configuration_is_what_is_stored(page):
    service = a_service(tags=["<x>"])
    response = page.get("entity-tab", "services", service.pk, "configuration")
    assert json.loads(response.context["configuration"]) == service.to_values()
    assert "&lt;x&gt;" in response.text


def test_used_by_shows_services_and_the_routes_behind_them(page):
    upstream = an_upstream()
    a_route(a_service())
    text = page.get("entity-tab", "upstreams", upstream.pk, "used-by").text
    assert "orders-api" in text
    assert ">orders</a>" in text


def test_a_service_says_where_its_host_leads(page):
    service = a_service(host="elsewhere.example", port=8080)
    text = page.get("entity", "services", service.pk).text
    assert "names no upstream: requests go to this DNS name on port 8080" in text


def test_history_tells_who_changed_what_field_by_field(page):
    service = a_service()
    actions.update(kind="services", entity_id=service.pk, values={"retries": 2, "tags": ["<i>"]}, actor=BOB)
    text = page.get("entity-tab", "services", service.pk, "history").text
    assert "<del>5</del> → <ins>2</ins>" in text
    assert "<del>none</del> → <ins>&lt;i&gt;</ins>" in text
    assert "by API from 192.0.2.7" in text
    assert "connect_timeout" not in text  # stands at its default and never changed


def test_the_history_of_an_upstream_includes_its_targets(page):
    upstream = an_upstream()
    target = a_target(upstream)
    actions.update(kind="targets", entity_id=target.pk, values={"weight": 7}, actor=BOB)
    text = page.get("entity-tab", "upstreams", upstream.pk, "history").text
    assert "<del>100</del> → <ins>7</ins>" in text


def test_a_long_history_comes_in_pages(page):
    service = a_service()
    for retries in range(30):
        actions.update(kind="services", entity_id=service.pk, values={"retries": retries + 10}, actor=BOB)
    first = page.get("entity-tab", "services", service.pk, "history")
    assert "Older" in first.text
    assert "created service" in page.get("entity-tab", "services", service.pk, "history", query="?page=2").text
