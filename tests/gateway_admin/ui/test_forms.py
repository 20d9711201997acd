"""Creating and editing: from a form as it stands to a stored entity, and back again with what was wrong."""

import re
import time
from uuid import uuid4

import pytest
from django.urls import reverse

from gateway_admin.catalog import actions
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Change, Route, Service, Target, Upstream

from .builders import BOB, CHECKS_ON, a_route, a_service, a_target, an_upstream, one_of_each
from .forms import errors

LEAST = {  # by kind: what one has to fill in
    "services": {"name": "orders", "host": "pool"},
    "routes": {"paths": "/orders"},
    "upstreams": {"name": "pool"},
}


@pytest.mark.parametrize("kind", LEAST)
def test_a_new_form_with_the_least_filled_in_makes_an_entity_with_all_defaults(page, kind):
    response = page.submit("entity-new", kind, **LEAST[kind])
    made = KINDS[kind].model.objects.get()
    assert response.status_code == 303
    assert response["Location"] == reverse("entity", args=[kind, made.pk])
    same = actions.create(kind=kind, values=_as_values(made), actor=BOB)
    assert _as_values(made) | {"name": None} == _as_values(same) | {"name": None}


def _as_values(row):
    """Without what the control plane adds, under another name."""
    values = {name: value for name, value in row.to_values().items() if name not in ("id", "created_at", "updated_at")}
    return values | {"name": f"{values['name']}-2"} if values["name"] else values


def test_the_change_log_knows_who_did_it_and_by_which_door(page):
    page.submit("entity-new", "services", **LEAST["services"])
    change = Change.objects.get()
    assert (change.actor, change.via, change.address, change.label) == ("alice", "ui", "127.0.0.1", "orders")


def test_after_saving_the_page_says_so_and_follows_the_version(page):
    saved = page.submit("entity-new", "services", **LEAST["services"])
    text = page.client.get(saved["Location"]).text
    assert "Saved service orders as version 1." in text
    assert 'hx-get="/admin-ui/versions/1/"' in text


@pytest.mark.django_db(transaction=True)
def test_the_page_after_saving_knows_when_that_was_committed(page):
    before = time.time()
    saved = page.submit("entity-new", "services", **LEAST["services"])
    committed = re.search(r"/admin-ui/versions/1/\?committed=([\d.]+)", page.client.get(saved["Location"]).text)
    assert before - 0.002 <= float(committed[1]) / 1000 <= time.time()  # SQLite's clock is cut to milliseconds


def test_every_way_of_writing_arrives_as_its_value(page):
    service = a_service()
    page.submit(
        "entity-new",
        "routes",
        service=str(service.pk),
        paths="/a\r\n\r\n  ~/b/(?<id>[0-9]+)$  ",
        methods="GET, POST",
        headers="X-Region: eu, us\nX-Flag: 1",
        tags="team-a, two words",
        regex_priority="-7",
        protocols=["https"],
        https_redirect_status_code="301",
    )
    values = Route.objects.get().to_values()
    assert values["service"] == {"id": str(service.pk)}
    assert values["paths"] == ["/a", "~/b/(?<id>[0-9]+)$"]
    assert values["methods"] == ["GET", "POST"]
    assert values["headers"] == {"X-Region": ["eu", "us"], "X-Flag": ["1"]}
    assert values["tags"] == ["team-a", "two words"]
    assert (values["regex_priority"], values["protocols"], values["https_redirect_status_code"]) == (-7, ["https"], 301)


@pytest.mark.parametrize(
    ("kind", "changes", "field"),
    [
        ("services", {"name": "bad name!"}, "name"),
        ("services", {"host": ""}, "host"),
        ("services", {"port": "eighty"}, "port"),
        ("services", {"port": ""}, "port"),
        ("services", {"port": "65536"}, "port"),
        ("services", {"connect_timeout": "0"}, "connect_timeout"),
        ("services", {"path": "v2"}, "path"),
        ("services", {"protocol": "gopher"}, "protocol"),
        ("services", {"tls_verify": "True"}, "tls_verify"),
        ("routes", {"paths": "/ok\nbad"}, "paths"),
        ("routes", {"paths": "~/("}, "paths"),
        ("routes", {"paths": ""}, "__all__"),
        ("routes", {"methods": "get"}, "methods"),
        ("routes", {"headers": "no colon here"}, "headers"),
        ("routes", {"headers": "Host: a"}, "headers"),
        ("routes", {"protocols": []}, "protocols"),
        ("routes", {"service": str(uuid4())}, "service"),
        ("routes", {"service": "nonsense"}, "service"),
        ("upstreams", {"name": "10.0.0.1"}, "name"),
        ("upstreams", {"healthchecks__active__timeout": "soon"}, "healthchecks.active.timeout"),
        (
            "upstreams",
            {"healthchecks__active__healthy__http_statuses": "200, 99"},
            "healthchecks.active.healthy.http_statuses",
        ),
        ("upstreams", {"healthchecks__threshold": "101"}, "healthchecks.threshold"),
        ("upstreams", {"hash_on": "header"}, "hash_on_header"),
        ("upstreams", {"tags": "a/b"}, "tags"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_stored_or_lost(page, kind, changes, field):
    response = page.submit("entity-new", kind, **LEAST[kind] | {"tags": "typed"} | changes)
    assert response.status_code == 400
    assert field in errors(response)
    assert not Change.objects.exists()
    form = response.context["form"]
    for name, typed in changes.items():
        assert form[name.replace("__", ".")].value() == typed
    if field != "__all__":
        assert f'href="#id_{field}"' in response.text  # the summary leads there
        assert f'id="id_{field}_error"' in response.text


def test_a_form_that_cannot_be_read_in_one_place_tells_the_rest_at_once(page):
    response = page.submit("entity-new", "upstreams", name="a:1", healthchecks__active__headers="no colon")
    assert set(errors(response)) == {"name", "healthchecks.active.headers"}


def test_a_wrong_entry_of_a_list_is_counted_out(page):
    response = page.submit("entity-new", "routes", paths="/ok\nbad")
    assert errors(response)["paths"] == ["entry 2: should start with: / (fixed path) or ~/ (regex path)"]


def test_a_taken_name_is_told_at_the_name(page):
    a_service("orders")
    response = page.submit("entity-new", "services", **LEAST["services"])
    assert list(errors(response)) == ["name"]
    assert "another service" in errors(response)["name"][0]


def test_a_folded_section_opens_where_something_is_wrong(page):
    closed = page.get("entity-new", "services").text
    opened = page.submit("entity-new", "services", host="a", read_timeout="-1").text
    assert closed.count('<details class="card section" open>') == 0
    assert opened.count('<details class="card section" open>') == 1


def test_what_was_typed_stays_text(page):
    response = page.submit("entity-new", "services", name="<script>alert(1)</script>", host='"><img src=x>')
    assert "<script>alert" not in response.text
    assert "<img" not in response.text


def test_links_fill_in_what_they_know(page):
    service = a_service()
    route = page.get("entity-new", "routes", query=f"?service={service.pk}").context["form"]
    assert route["service"].value() == str(service.pk)
    assert page.get("entity-new", "services", query="?host=pool").context["form"]["host"].value() == "pool"


def test_a_clone_has_everything_but_the_name(page):
    upstream = an_upstream(healthchecks=CHECKS_ON, tags=["a"])
    form = page.get("entity-new", "upstreams", query=f"?copy={upstream.pk}").context["form"]
    assert form["name"].value() is None
    assert form["tags"].value() == "a"
    assert form["healthchecks.active.healthy.interval"].value() == 5


@pytest.mark.parametrize("query", ["?copy=x", "?copy=0b5f8a4e-8d5c-4e0f-9a53-2d7b8f3f6c11"])
def test_a_clone_of_nothing_is_not_found(page, query):
    assert page.get("entity-new", "services", query=query).status_code == 404


def test_usual_values_fill_in_a_check_and_keep_what_was_typed(page):
    response = page.submit("entity-new", "upstreams", name="typed", preset="active")
    form = response.context["form"]
    assert response.status_code == 200
    assert form["name"].value() == "typed"
    assert form["healthchecks.active.healthy.interval"].value() == "5"
    assert not Upstream.objects.exists()


@pytest.mark.parametrize(
    ("preset", "filled_in"),
    [
        ("breaker", {"consecutive_failures": "5", "failure_percentage": "50", "minimum_requests": "20"}),
        ("retries", {"statuses": "502, 503, 504", "budget": "20"}),
    ],
)
def test_usual_values_of_a_policy_are_offered_until_they_are_set(page, preset, filled_in):
    record = {"breaker": "circuit_breaker", "retries": "retry"}[preset]
    button = f'name="preset" value="{preset}"'
    assert button in page.get("entity-new", "upstreams").text
    response = page.submit("entity-new", "upstreams", name="typed", preset=preset)
    form = response.context["form"]
    assert {name: form[f"{record}.{name}"].value() for name in filled_in} == filled_in
    assert button not in response.text
    assert response.text.count('<details class="card section" open>') == 1


def test_one_url_describes_a_whole_check(page):
    url = "https://shop.example/up?interval=2s&contains=UP&failures=4"
    page.submit("entity-new", "upstreams", name="pool", check_url=url, probe__body="typed before")
    stored = Upstream.objects.get()
    active = stored.healthchecks["active"]
    assert (active["type"], active["http_path"], active["healthy"]["interval"]) == ("https", "/up", 2)
    assert active["unhealthy"]["timeouts"] == 4
    assert (stored.probe["host"], stored.probe["contains"], stored.probe["body"]) == ("shop.example", "UP", None)


def test_a_url_that_cannot_be_read_stays_in_the_form_with_what_is_wrong(page):
    response = page.submit("entity-new", "upstreams", name="pool", check_url="http://_/?intervall=2s")
    form = response.context["form"]
    assert response.status_code == 400
    assert "unknown parameter &#x27;intervall&#x27;" in response.text
    assert form["check_url"].value() == "http://_/?intervall=2s"
    assert not Upstream.objects.exists()


def test_a_preset_that_is_none_changes_nothing(page):
    assert page.submit("entity-new", "upstreams", name="typed", preset="x").context["form"]["name"].value() == "typed"


def new_target(page, upstream, **typed):
    return page.submit("owned-new", "upstreams", upstream.pk, "targets", **typed)


def test_a_target_of_one_upstream_is_judged_among_its_siblings(page):
    upstream = an_upstream()
    lonely = new_target(page, upstream, target="10.0.0.1", priority="1", preset="x")
    assert "No reserve: the upstream has no other target with a lower number." in lonely.text
    a_target(upstream)
    assert "No reserve" not in new_target(page, upstream, target="a:1", priority="1", preset="x").text


def test_a_target_is_no_sibling_of_its_own(page):
    target = a_target(an_upstream())
    assert "No reserve" in page.submit("entity-edit", "targets", target.pk, priority="1", preset="x").text


def test_choices_say_what_they_mean_beside_their_name(page):
    assert (
        '<option value="use_all">use_all – as if they were healthy</option>' in page.get("entity-new", "upstreams").text
    )
    page.submit("entity-new", "upstreams", name="pool", when_all_unhealthy="use_all")
    assert Upstream.objects.get().when_all_unhealthy == "use_all"


def test_a_check_that_cannot_act_says_so(page):
    response = page.submit(
        "entity-new", "upstreams", name="pool", healthchecks__active__healthy__interval="5", preset="x"
    )
    assert "Off: checks run but can never take a target out" in response.text


def test_the_host_of_a_service_says_where_it_leads(page):
    a_target(an_upstream("pool"))
    assert "1 of 1 target ready" in page.get("host-note", query="?host=pool&port=80").text
    assert (
        "no upstream of this name: used as a DNS name, port 80" in page.get("host-note", query="?host=a&port=80").text
    )
    assert "an address" in page.get("host-note", query="?host=10.0.0.1").text
    assert '<option value="pool">' in page.get("entity-new", "services").text


def test_a_target_is_made_in_its_upstream_and_several_in_a_row(page):
    upstream = an_upstream()
    again = new_target(page, upstream, target="10.0.0.1", weight="3", another="1")
    assert again["Location"] == reverse("owned-new", args=["upstreams", upstream.pk, "targets"])
    last = new_target(page, upstream, target="10.0.0.2:81")
    assert last["Location"] == reverse("entity", args=["upstreams", upstream.pk])
    assert set(Target.objects.values_list("target", "weight")) == {("10.0.0.1:8000", 3), ("10.0.0.2:81", 100)}


def test_a_target_twice_in_one_upstream_is_refused(page):
    upstream = an_upstream()
    a_target(upstream, "10.0.0.1:8000")
    assert "target" in errors(new_target(page, upstream, target="10.0.0.1"))


def test_a_target_form_on_its_own_asks_for_the_upstream(page):
    upstream = an_upstream()
    an_upstream("another")
    assert '<option value="" selected>choose one</option>' in page.get("entity-new", "targets").text
    assert "upstream" in errors(page.submit("entity-new", "targets", target="10.0.0.1"))
    assert page.submit("entity-new", "targets", target="10.0.0.1", upstream=str(upstream.pk)).status_code == 303


@pytest.mark.parametrize("kind", ["services", "routes", "upstreams", "targets"])
def test_saving_without_a_change_changes_nothing(page, kind):
    row = one_of_each()[kind]
    changes = Change.objects.count()
    response = page.submit("entity-edit", kind, row.pk)
    assert Change.objects.count() == changes
    assert "Nothing was changed" in page.client.get(response["Location"]).text


def test_an_edit_changes_what_was_edited(page):
    route = a_route(a_service(), hosts=["a.example"], headers={"X-A": ["1"]})
    page.submit("entity-edit", "routes", route.pk, hosts="b.example")
    route.refresh_from_db()
    assert (route.hosts, route.headers, route.paths) == (["b.example"], {"X-A": ["1"]}, ["/orders"])


def test_emptying_a_field_unsets_it(page):
    service = a_service(path="/v2", tags=["a"])
    page.submit("entity-edit", "services", service.pk, path="", tags="")
    service.refresh_from_db()
    assert (service.path, service.tags) == (None, None)


def test_an_edit_under_somebody_elses_feet_shows_who_changed_what(page):
    service = a_service(retries=5)
    opened = page.get("entity-edit", "services", service.pk).context["form"]["version"].value()
    actions.update(kind="services", entity_id=service.pk, values={"retries": 1}, actor=BOB)
    conflict = page.submit("entity-edit", "services", service.pk, version=opened, path="/mine", retries=5)
    assert conflict.status_code == 409
    assert "was changed while you had it open" in conflict.text
    assert "<b>bob</b> changed service" in conflict.text
    assert "<del>5</del> → <ins>1</ins>" in conflict.text
    assert conflict.context["form"]["path"].value() == "/mine"
    assert Service.objects.get().path is None
    seen = conflict.context["form"]["version"].value()
    assert page.submit("entity-edit", "services", service.pk, version=seen, path="/mine").status_code == 303


def test_changes_of_other_entities_are_no_conflict(page):
    service = a_service()
    opened = page.get("entity-edit", "services", service.pk).context["form"]["version"].value()
    a_service("another")
    assert page.submit("entity-edit", "services", service.pk, version=opened, path="/x").status_code == 303


def test_renaming_a_used_upstream_warns_before_and_after(page):
    upstream = an_upstream()
    a_service()
    assert "1 service uses it by this name" in page.get("entity-edit", "upstreams", upstream.pk).text
    saved = page.submit("entity-edit", "upstreams", upstream.pk, name="renamed")
    assert "would look it up in DNS" in page.client.get(saved["Location"]).text


def test_an_entity_deleted_meanwhile_is_not_found(page):
    service = a_service()
    actions.delete(kind="services", entity_id=service.pk, actor=BOB)
    assert page.post("entity-edit", "services", service.pk, name="x").status_code == 404
