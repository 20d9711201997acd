"""A file becomes the configuration: what it has, all of it or nothing, and by tags only what is its own."""

import time

import pytest

from gateway_admin.catalog import actions
from gateway_admin.catalog.models import Change, Plugin, Route, Service, Target, Upstream
from gateway_admin.catalog.transfer.exporting import as_yaml, exported
from gateway_admin.catalog.transfer.importing import FileInvalid, imported, planned
from gateway_admin.catalog.transfer.plan import PlanOutdated, PlanRefused
from proxy_engine.spec.declarative import Choice
from tests.gateway_admin.builders import ALICE, a_route, a_service, a_target, an_upstream, to

from .files import CI, EVERYTHING, a_file, configuration, load, marks

pytestmark = pytest.mark.django_db


def refusals(text, **options):
    text = text.encode() if isinstance(text, str) else text
    with pytest.raises(FileInvalid) as refused:
        planned(text, **options)
    return list(refused.value.texts())


def test_everything_in_the_file_is_there_as_one_batch():
    load(EVERYTHING)

    assert Change.objects.values("batch").distinct().count() == 1
    assert set(Change.objects.values_list("via", "actor")) == {("import", "ci")}
    assert Route.objects.get(name="orders-v1").service.name == "orders"
    limit = Plugin.objects.get(name="rate-limiting", route__name="orders-v1")
    assert (limit.config["minute"], limit.config["policy"]) == (7, "local")
    assert Plugin.objects.get(name="rate-limiting", consumer__username="alice").service.name == "orders"


def test_the_same_file_again_changes_nothing():
    load(EVERYTHING)
    before = Change.objects.count()

    assert load(EVERYTHING) == []
    assert Change.objects.count() == before


def test_what_exists_is_known_by_its_name_and_keeps_its_id():
    service = a_service(name="orders", retries=3)

    assert load(a_file(services=[{"name": "orders", "host": "h"}])) == ["~services orders"]
    service.refresh_from_db()
    assert (service.host, service.retries) == ("h", 5)


def test_what_the_file_lacks_goes():
    a_route(service=to(a_service(name="old")), name="old-route")
    a_target(an_upstream(name="pool"), target="10.0.0.1:80")

    assert load(a_file()) == ["-routes old-route", "-services old", "-targets 10.0.0.1:80", "-upstreams pool"]
    assert configuration() == {}


def test_to_keep_deletes_nothing():
    a_service(name="old")

    assert load(a_file(services=[{"name": "new", "host": "h"}]), keep=True) == ["+services new"]
    assert Service.objects.count() == 2


def test_names_can_change_places():
    one, two = a_service(name="one"), a_service(name="two")
    swapped = [{"id": str(one.pk), "name": "two", "host": "h"}, {"id": str(two.pk), "name": "one", "host": "h"}]

    load(a_file(services=swapped))

    one.refresh_from_db()
    assert one.name == "two"


def test_another_id_for_a_known_name_replaces_the_entity():
    a_service(name="orders")
    other = "11111111-2222-4333-8444-555555555555"

    assert load(a_file(services=[{"id": other, "name": "orders", "host": "h"}])) == [
        "+services orders",
        "-services orders",
    ]


def test_a_file_read_before_somebody_elses_edit_is_compared_again():
    plans = []

    def plan():
        plans.append(planned(a_file(services=[{"name": "new", "host": "h"}])))
        if len(plans) == 1:
            a_service(name="meanwhile")
        return plans[-1]

    imported(CI, plan)
    assert [service.name for service in Service.objects.all()] == ["new"]


def test_what_was_previewed_is_what_is_done_or_nothing():
    seen = planned(a_file()).version
    a_service(name="meanwhile")

    with pytest.raises(PlanOutdated):
        imported(CI, lambda: planned(a_file()), seen)
    assert Service.objects.count() == 1


def test_what_the_comparison_cannot_see_refuses_all_of_it():
    text = a_file(
        services=[{"name": "s", "host": "h", "routes": [{"name": "r", "paths": ["/"], "protocols": ["http"]}]}],
        plugins=[{"name": "cors", "route": "r", "protocols": ["grpc"]}],
    )
    with pytest.raises(PlanRefused) as refused:
        load(text)
    assert refused.value.problems[0].field.startswith("plugins.cors.")
    assert (Service.objects.count(), Change.objects.count()) == (0, 0)


def test_fields_that_kong_lacks_stay_on_demand():
    a_target(an_upstream(name="pool", slots=20, when_all_unhealthy="use_all"), target="h:1", priority=3)
    text = a_file(upstreams=[{"name": "pool", "targets": [{"target": "h:1", "priority": 2}]}])

    load(text, keep_ours=True)
    upstream = Upstream.objects.get()
    assert (upstream.slots, upstream.when_all_unhealthy, Target.objects.get().priority) == (10000, "use_all", 2)

    load(text)
    assert Upstream.objects.get().when_all_unhealthy == "refuse"


def test_services_that_lose_their_upstream_are_told():
    an_upstream(name="pool")
    a_service(name="s", host="pool")
    a_service(name="moves", host="pool")

    services = [{"name": "s", "host": "pool"}, {"name": "moves", "host": "elsewhere"}]
    assert planned(a_file(services=services)).warnings == ["the service s would look pool up in DNS"]
    assert planned(a_file(services=services, upstreams=[{"name": "pool"}])).warnings == []


# --- Tags --------------------------------------------------------------------------------------------------


def team(name, **lists):
    return a_file(_info={"select_tags": [name]}, **lists)


def test_two_teams_do_not_touch_each_others_entities():
    load(team("a", services=[{"name": "a1", "host": "h"}, {"name": "a2", "host": "h"}]))
    assert load(team("b", services=[{"name": "b1", "host": "h"}])) == ["+services b1"]
    assert load(team("a", services=[{"name": "a1", "host": "h"}])) == ["-services a2"]
    assert {service.name: service.tags for service in Service.objects.all()} == {"a1": ["a"], "b1": ["b"]}


def test_a_file_cannot_take_over_what_lacks_its_tag():
    load(team("a", services=[{"name": "shared", "host": "h"}]))

    assert "without the tag b" in refusals(team("b", services=[{"name": "shared", "host": "evil"}]))[0]


def test_the_id_of_another_teams_entity_does_not_open_it():
    load(team("a", services=[{"name": "shared", "host": "h"}]))
    key = str(Service.objects.get().pk)

    assert refusals(team("b", services=[{"id": key, "name": "mine", "host": "evil"}]))


def test_a_route_may_lead_to_another_teams_service():
    load(team("a", services=[{"name": "shared", "host": "h"}]))

    load(team("b", routes=[{"name": "r", "service": {"name": "shared"}, "paths": ["/"]}]))

    assert Route.objects.get().service.name == "shared"


def test_what_others_still_use_does_not_go():
    load(team("a", services=[{"name": "shared", "host": "h"}], upstreams=[{"name": "pool"}]))
    load(team("b", routes=[{"name": "r", "service": "shared", "paths": ["/"]}]))
    load(team("b", routes=[{"name": "r", "service": "shared", "paths": ["/"]}], targets=[
        {"target": "h:1", "upstream": "pool"}
    ]))  # fmt: skip

    texts = refusals(team("a"))
    assert len(texts) == 2
    assert all("not this file's" in text for text in texts)


def test_tags_may_be_asked_for_outside_of_the_file():
    assert load(a_file(services=[{"name": "s", "host": "h"}]), select_tags=["a"]) == ["+services s"]
    assert Service.objects.get().tags == ["a"]
    assert "select_tags" in refusals(team("b"), select_tags=["a"])[0]


def test_the_order_of_tags_is_no_difference():
    a_service(name="s", host="h", tags=["a", "x"])

    assert marks(planned(team("a", services=[{"name": "s", "host": "h", "tags": ["x"]}]))) == []


# --- Secrets -----------------------------------------------------------------------------------------------


def test_a_password_is_compared_though_only_its_hash_is_kept():
    load(EVERYTHING)

    assert load(EVERYTHING.replace("open sesame", "swordfish")) == ["~basicauth_credentials alice"]


def test_a_file_with_hidden_secrets_leaves_them_as_they_are():
    load(EVERYTHING)
    before = configuration()
    text = as_yaml(exported(Choice()))

    assert "alices-secret-key" not in text
    assert load(text.replace("/without-a-name", "/another")) != []
    after = configuration()
    assert {at: values for at, values in after.items() if "credentials" in at[0]} == {
        at: values for at, values in before.items() if "credentials" in at[0]
    }


def test_a_hidden_secret_that_nothing_stands_for_is_refused():
    load(EVERYTHING)
    text = as_yaml(exported(Choice()))
    load(a_file())

    assert any("hidden" in line for line in refusals(text))


def test_a_key_that_was_made_up_stays():
    text = a_file(consumers=[{"username": "bob", "keyauth_credentials": [{"tags": ["made-up"]}]}])
    load(text)

    assert load(text) == []


def test_ids_of_keys_do_not_tell_the_keys():
    text = a_file(consumers=[{"username": "bob", "keyauth_credentials": [{"key": "guess"}]}])
    other = a_file(consumers=[{"username": "bob", "keyauth_credentials": [{"key": "other"}]}])

    def key_id(text):
        return next(step.id for step in planned(text).steps if step.kind == "keyauth_credentials")

    assert key_id(text) == key_id(other)


def test_a_new_key_before_an_old_one_does_not_take_its_id():
    load(a_file(consumers=[{"username": "bob", "keyauth_credentials": [{"key": "old"}]}]))

    done = load(a_file(consumers=[{"username": "bob", "keyauth_credentials": [{"key": "new"}, {"key": "old"}]}]))

    assert [mark[0] for mark in done] == ["+"]


# --- Places ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('_format_version: "3.0"\nservices:\n- name: a\n  host: h\n  port: 99999\n', "line 5: services[0].port: "),
        ('_format_version: "3.0"\nservices:\n- name: a\n', "line 3: services[0].host: "),
        ('_format_version: "3.0"\nservices: [\n', "line "),
        ('_format_version: "3.0"\nx: !!python/object:os.system {}\n', "line 2: tags are not taken"),
        ('{"_format_version": "3.0",\n "services": [{"name": "a"}]}', "line 2: services[0].host: "),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text, place):
    assert refusals(text)[0].startswith(place)


def test_a_stored_entity_in_the_way_is_told():
    actions.create(kind="services", values={"name": "a", "host": "h", "tags": ["x"]}, actor=ALICE)

    mine = {"id": "11111111-2222-4333-8444-555555555555", "name": "a", "host": "h"}
    text = team("y", services=[mine])

    assert refusals(text)[0].endswith("services[0].name: another service, which stays, has the same name")


# --- Size --------------------------------------------------------------------------------------------------


def test_five_thousand_entities_take_seconds():
    services = [
        {"name": f"s{n}", "host": f"u{n}", "routes": [{"name": f"r{n}", "paths": [f"/p{n}"]}]} for n in range(1000)
    ]
    upstreams = [
        {"name": f"u{n}", "targets": [{"target": f"10.0.0.1:{n + 1}"}, {"target": f"10.0.0.2:{n + 1}"}]}
        for n in range(1000)
    ]
    started = time.process_time()  # other tests run beside this one
    load(a_file(services=services, upstreams=upstreams))
    took = time.process_time() - started

    assert (Upstream.objects.count(), Target.objects.count()) == (1000, 2000)
    assert took < 10, took
