"""Lists: what they show, how they narrow, and what a URL may say."""

import pytest
from django.urls import reverse

from gateway_admin.catalog.actions import update
from gateway_admin.catalog.views.pages import PAGES

from .builders import BOB, HOSTILE, a_route, a_service, a_target, an_upstream, one_of_each, unhealthy
from .forms import HTMX

KINDS = tuple(PAGES)


def labels(response):
    return [row.label for row in response.context["listing"].rows]


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_list_says_what_it_is_for_and_how_to_begin(page, kind):
    text = page.get("entity-list", kind).text
    assert f"No {PAGES[kind].many} yet" in text
    assert f'href="/admin-ui/{kind}/new/"' in text


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_leads_to_each_row_its_form_and_its_deletion(page, kind):
    row = one_of_each()[kind]
    text = page.get("entity-list", kind).text
    for name in ("entity", "entity-edit", "entity-delete"):
        assert f'href="{reverse(name, args=[kind, row.pk])}"' in text


@pytest.mark.parametrize("kind", KINDS)
def test_htmx_gets_the_table_alone_and_a_restored_page_the_whole(page, kind):
    one_of_each()
    fragment = page.get("entity-list", kind, htmx=True)
    assert fragment.text.strip().startswith('<div id="entity-table"')
    assert "HX-Request" in fragment["Vary"]
    address = reverse("entity-list", args=[kind])
    restored = page.client.get(address, headers={**HTMX, "HX-History-Restore-Request": "true"})
    assert "<!doctype html>" in restored.text


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_costs_the_same_however_long_it_is(page, kind, django_assert_max_num_queries):
    def cost():
        with django_assert_max_num_queries(13) as found:
            page.get("entity-list", kind)
        return len(found)

    one_of_each()
    unhealthy(a_target(an_upstream("unwell"), tags=["a"]))
    first = cost()
    for number in range(8):
        upstream = an_upstream(f"pool-{number}")
        unhealthy(a_target(upstream, tags=["a", "b"]))
        a_route(a_service(f"orders-{number}", host=upstream.name), name=f"route-{number}")
    assert cost() == first


@pytest.mark.parametrize("text", ["orders", "ORDERS", "pool", "/v2", "team-a"])
def test_services_are_found_by_name_host_path_and_tag(page, text):
    a_service("orders", host="pool", path="/v2", tags=["team-a"])
    a_service("other", host="elsewhere")
    assert labels(page.get("entity-list", "services", query=f"?q={text}")) == ["orders"]


@pytest.mark.parametrize("text", ["menu", "/caf%C3%A9", "shop.example", "orders"])
def test_routes_are_found_by_name_path_host_and_service(page, text):
    a_route(a_service("orders"), name="menu", paths=["/café"], hosts=["shop.example"])
    a_route(name="other", paths=["/else"])
    assert labels(page.get("entity-list", "routes", query=f"?q={text}")) == ["menu"]


def test_what_is_not_found_is_said_with_a_way_back(page):
    a_service()
    text = page.get("entity-list", "services", query="?q=zzz&state=disabled").text
    assert "No service matches" in text
    assert "“zzz”, disabled" in text
    assert "Show all services" in text


def test_tags_filter_exactly(page):
    a_service("one", tags=["team-a"])
    a_service("two", tags=["team-a-b"])
    a_service("three", tags=["caf\u00e9"])
    assert labels(page.get("entity-list", "services", query="?tag=team-a")) == ["one"]
    assert labels(page.get("entity-list", "services", query="?tag=caf%C3%A9")) == ["three"]


@pytest.mark.parametrize(
    ("kind", "query", "found"),
    [
        ("services", "?protocol=https", ["secure"]),
        ("services", "?state=unrouted", ["secure"]),
        ("routes", "?state=unserved", ["lost"]),
        ("upstreams", "?state=troubled", ["pool"]),
        ("upstreams", "?state=down", ["empty", "pool"]),
        ("upstreams", "?state=unused", ["empty"]),
        ("upstreams", "?algorithm=latency", ["empty"]),
        ("targets", "?state=unhealthy", ["10.0.0.1:8000"]),
        ("targets", "?state=disabled", ["10.0.0.2:8000"]),
    ],
)
def test_choices_narrow(page, kind, query, found):
    rows = one_of_each()
    unhealthy(rows["targets"])
    a_target(rows["upstreams"], "10.0.0.2:8000", enabled=False)
    a_service("secure", protocol="https", host="elsewhere")
    an_upstream("empty", algorithm="latency")
    a_route(name="lost")
    assert labels(page.get("entity-list", kind, query=query)) == found


def test_columns_sort_both_ways_and_say_so(page):
    for name, paths in (("b", 1), ("a", 0), ("c", 2)):
        service = a_service(name)
        for number in range(paths):
            a_route(service, name=f"{name}-{number}")
    assert labels(page.get("entity-list", "services")) == ["a", "b", "c"]
    response = page.get("entity-list", "services", query="?sort=-routes")
    assert labels(response) == ["c", "b", "a"]
    assert 'aria-sort="descending"' in response.text


def test_unnamed_rows_come_last(page):
    a_route(name=None)
    a_route(name="named")
    assert labels(page.get("entity-list", "routes"))[0] == "named"


def test_pages_keep_what_the_list_was_narrowed_to(page):
    for number in range(30):
        a_service(f"s{number:02}", tags=["t"])
    response = page.get("entity-list", "services", query="?tag=t&size=25&page=2")
    assert labels(response) == [f"s{number}" for number in range(25, 30)]
    assert 'href="?tag=t&amp;size=25&amp;page=1"' in response.text


@pytest.mark.parametrize(
    "query",
    ["?page=99", "?page=x", "?page=-1", "?size=7", "?size=%C2%B2", "?sort=password", "?state=x", "?q=%00", "?tag=%25"],
)
def test_nonsense_in_a_url_is_no_error(page, query):
    a_service()
    assert page.get("entity-list", "services", query=query).status_code == 200


def test_an_endless_search_is_cut(page):
    a_service()
    assert page.get("entity-list", "services", query=f"?q={'x' * 5000}").status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_tags_stay_text(page, kind):
    row = one_of_each()[kind]
    update(kind=kind, entity_id=row.pk, values={"tags": [HOSTILE]}, actor=BOB)
    text = page.get("entity-list", kind).text
    assert '<b>&"' not in text
    assert "&lt;b&gt;&amp;&quot;&#x27;{{x}}" in text
    assert "?tag=%3Cb%3E%26%22%27%7B%7Bx%7D%7D" in text
    assert len(labels(page.get("entity-list", kind, query="?tag=%3Cb%3E%26%22%27%7B%7Bx%7D%7D"))) == 1


def test_the_bar_counts_every_kind_and_what_is_wrong(page):
    rows = one_of_each()
    unhealthy(rows["targets"])
    text = page.get("entity-list", "services").text
    assert "1 of 1" in text


def test_search_finds_across_kinds(page):
    one_of_each()
    found = {result["pages"].kind: result["rows"] for result in page.get("search", query="?q=o").context["found"]}
    assert {"services", "routes", "upstreams", "targets", "consumers", "acls"} <= set(found)


def test_search_without_a_hit_says_so(page):
    assert "Nothing found" in page.get("search", query="?q=%3Cscript%3E").text
    assert "What are you looking for?" in page.get("search").text
