"""The page of one entity: what stands in its head and its tabs."""

import json

import pytest

from gateway_admin.catalog import actions
from gateway_admin.catalog.models import Change
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
    unhealthy(rows["targets"])  # so that its timeline is not empty the first time
    unhealthy(a_target(rows["upstreams"], "10.0.2.1:80"))

    def cost():
        with django_assert_max_num_queries(20) as found:  # the timeline reads events, changes and marks
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


FOLDED = '<details class="card section">'
OPEN = '<details class="card section" open>'


def test_policies_at_their_defaults_are_one_folded_sentence_each(page):
    upstream = an_upstream()
    for slug in ("health-checks", "connections"):
        text = tab(page, "upstreams", upstream, slug).text
        assert OPEN not in text
        assert FOLDED in text
    assert "Only failed connections are tried again." in text
    assert "Up to 512 idle connections per target, kept for 60 s." in text


@pytest.mark.parametrize(
    ("slug", "values", "sentence"),
    [
        ("health-checks", {"circuit_breaker": {"consecutive_failures": 5}}, "Out for 10 s after 5 failures in a row"),
        ("health-checks", {"when_all_unhealthy": "use_all"}, "All targets get requests while no target is healthy."),
        ("connections", {"retry": {"statuses": [503]}}, "503: tried again if the method is idempotent."),
        ("connections", {"connections": {"pool_size": 4}}, "Up to 4 idle connections per target"),
    ],
)
def test_what_was_set_stands_open(page, slug, values, sentence):
    text = tab(page, "upstreams", an_upstream(**values), slug).text
    assert text.count(OPEN) == 1
    assert sentence in text.split(OPEN)[1].split("</summary>")[0]


def test_a_policy_that_cannot_act_for_a_service_says_so(page):
    upstream = an_upstream(retry={"statuses": [503]})
    a_service(retries=0)
    assert "No effect for orders: 0 retries there." in tab(page, "upstreams", upstream, "connections").text


def test_reserves_have_a_column_only_where_there_are_some(page):
    upstream = an_upstream()
    a_target(upstream, "10.0.0.1:80")
    assert "<th>Priority</th>" not in tab(page, "upstreams", upstream, "").text
    a_target(upstream, "10.0.0.2:80", priority=1)
    text = tab(page, "upstreams", upstream, "").text
    assert "<th>Priority</th>" in text
    assert '<td class="rank">first</td>' in text
    assert '<td class="rank">reserve 1<div class="why">waits</div></td>' in text
    assert "reserve 1" in page.get("entity-list", "targets").text


def shares(page, upstream):
    return [round(view.share, 3) for view in tab(page, "upstreams", upstream, "").context["targets"]]


def test_a_reserve_takes_over_when_no_target_before_it_is_ready(page):
    upstream = an_upstream()
    first = [a_target(upstream, f"10.0.0.{number}:80", weight=weight) for number, weight in enumerate((30, 10))]
    a_target(upstream, "10.0.1.1:80", priority=1)
    a_target(upstream, "10.0.1.2:80", priority=2)
    assert shares(page, upstream) == [0.75, 0.25, 0, 0]
    unhealthy(first[0])
    assert shares(page, upstream) == [0, 1, 0, 0]
    unhealthy(first[1])
    assert shares(page, upstream) == [0, 0, 1, 0]
    text = tab(page, "upstreams", upstream, "").text
    assert '<td class="rank">reserve 1</td>' in text
    assert "was 75 %" in text


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, [0, 1, 0]),
        ({"healthchecks": {"threshold": 66}}, [0, 1, 0]),  # two thirds are more than 66 %
        ({"healthchecks": {"threshold": 67}}, [0, 0, 0]),
        ({"healthchecks": {"threshold": 67}, "when_all_unhealthy": "use_all"}, [0.333, 0.333, 0.333]),
    ],
)
def test_shares_heed_what_must_be_available_and_what_happens_below(page, values, expected):
    upstream = an_upstream(**values)
    unhealthy(a_target(upstream, "10.0.0.1:80"))
    a_target(upstream, "10.0.0.2:80")
    a_target(upstream, "10.0.0.3:80", priority=1)
    assert shares(page, upstream) == expected


@pytest.mark.parametrize(("choice", "expected"), [("refuse", [0, 0]), ("use_all", [0.25, 0.75])])
def test_with_all_unhealthy_nobody_or_everybody_is_due(page, choice, expected):
    upstream = an_upstream(when_all_unhealthy=choice)
    unhealthy(a_target(upstream, "10.0.0.1:80", weight=1))
    unhealthy(a_target(upstream, "10.0.0.2:80", weight=3))
    a_target(upstream, "10.0.0.3:80", enabled=False)
    assert shares(page, upstream) == [*expected, 0]


def test_the_history_of_an_older_release_is_still_told(page):
    """Its changes do not know the fields that came since."""
    upstream = an_upstream(tags=["a"])
    actions.update(kind="upstreams", entity_id=upstream.pk, values={"retry": {"budget": 20}}, actor=BOB)
    made = Change.objects.earliest("version")
    for field in ("probe", "retry", "circuit_breaker", "connections", "when_all_unhealthy"):
        made.after.pop(field)
    made.save()
    text = tab(page, "upstreams", upstream, "history").text
    assert "<del>0</del> → <ins>20</ins>" in text
    assert text.count("budget") == 1


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
