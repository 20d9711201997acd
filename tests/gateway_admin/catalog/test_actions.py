"""The actions: what they store, what they refuse, and what they leave in the change log."""

import uuid

import pytest

from gateway_admin.catalog import actions
from gateway_admin.catalog.changes import head_version
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Route, Service, Target, Upstream
from gateway_admin.common.problems import EntityChanged, EntityInvalid, EntityNotFound
from tests.gateway_admin.builders import ALICE, a_route, a_service, a_target, an_upstream, to

from .cases import BAD, GOOD, contains, name_of, whole

pytestmark = pytest.mark.django_db


def problems_of(refused):
    return [(problem.field, problem.code) for problem in refused.value.problems]


# --- Create ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", GOOD, ids=name_of)
def test_good_values_are_stored_in_normal_form(case):
    entity = actions.create(kind=case.kind, values=whole(case.kind, case.values), actor=ALICE)

    stored = KINDS[case.kind].model.objects.get(pk=entity.pk).to_values()
    assert contains(stored, case.values | case.stored)


@pytest.mark.parametrize("case", BAD, ids=name_of)
def test_bad_values_are_refused_and_nothing_is_stored(case):
    values, before = whole(case.kind, case.values), head_version()

    with pytest.raises(EntityInvalid) as refused:
        actions.create(kind=case.kind, values=values, actor=ALICE)

    assert case.field in [problem.field for problem in refused.value.problems]
    assert head_version() == before
    assert not KINDS[case.kind].model.objects.exists()


def test_an_unknown_field_is_refused():
    with pytest.raises(EntityInvalid) as refused:
        actions.create(kind="services", values={"host": "a", "hots": "b"}, actor=ALICE)

    assert problems_of(refused) == [("hots", "unknown")]


def test_values_that_are_no_object_are_refused():
    with pytest.raises(EntityInvalid):
        actions.create(kind="services", values=["host"], actor=ALICE)


def test_a_default_may_depend_on_another_field():
    assert a_route(protocols=["grpc"]).strip_path is False
    assert a_route().strip_path is True


def test_whoever_creates_may_bring_id_and_creation_time():
    key = str(uuid.uuid4())
    service = a_service(id=key.upper(), created_at=1_700_000_000)

    assert service.to_values()["id"] == key
    assert service.to_values()["created_at"] == 1_700_000_000
    assert service.to_values()["updated_at"] > 1_700_000_000


@pytest.mark.parametrize("created_at", ["yesterday", -1, 10**15, True, float("nan")])
def test_an_impossible_creation_time_is_refused(created_at):
    with pytest.raises(EntityInvalid) as refused:
        a_service(created_at=created_at)

    assert problems_of(refused) == [("created_at", "invalid")]


def test_an_id_that_exists_is_refused():
    with pytest.raises(EntityInvalid) as refused:
        a_service(id=str(a_service().pk))

    assert problems_of(refused) == [("id", "unique")]


@pytest.mark.parametrize("build", [a_service, a_route, an_upstream])
def test_a_name_that_is_taken_is_refused(build):
    build(name="orders")

    with pytest.raises(EntityInvalid) as refused:
        build(name="orders")

    assert problems_of(refused) == [("name", "unique")]


def test_entities_without_a_name_do_not_collide():
    a_service()
    a_service()

    assert Service.objects.count() == 2


def test_a_target_may_stand_in_two_upstreams_but_not_twice_in_one():
    first = a_target(target="a:80")
    a_target(target="a:80")

    with pytest.raises(EntityInvalid) as refused:
        a_target(first.upstream, target="A:80")

    assert problems_of(refused) == [("target", "unique")]


def test_a_reference_to_nothing_is_refused():
    with pytest.raises(EntityInvalid) as refused:
        a_route(service={"id": str(uuid.uuid4())})

    assert problems_of(refused) == [("service.id", "reference")]


# --- Update and replace ----------------------------------------------------------------------------------


def test_an_update_changes_what_it_names_and_nothing_else():
    target = a_target(weight=3, tags=["a"])

    changed = actions.update(kind="targets", entity_id=target.pk, values={"weight": 1}, actor=ALICE)

    assert changed.weight == 1
    assert Target.objects.get(pk=target.pk).to_values() == target.to_values() | {
        "weight": 1,
        "updated_at": changed.to_values()["updated_at"],
    }


def test_records_merge_deeply_and_lists_are_replaced():
    upstream = an_upstream(healthchecks={"active": {"timeout": 3, "healthy": {"interval": 5}}}, tags=["a", "b"])

    values = {"healthchecks": {"active": {"healthy": {"successes": 2}}}, "tags": ["c"]}
    changed = actions.update(kind="upstreams", entity_id=upstream.pk, values=values, actor=ALICE)

    active = changed.healthchecks["active"]
    assert (active["timeout"], active["healthy"]["interval"], active["healthy"]["successes"]) == (3, 5, 2)
    assert changed.tags == ["c"]


def test_null_unsets():
    service = a_service(path="/v1")

    assert actions.update(kind="services", entity_id=service.pk, values={"path": None}, actor=ALICE).path is None


def test_an_update_that_changes_nothing_writes_nothing():
    service = a_service(name="orders")
    before = head_version()

    same = actions.update(kind="services", entity_id=service.pk, values={"name": "orders"}, actor=ALICE)

    assert head_version() == before
    assert same.updated_at == Service.objects.get(pk=service.pk).updated_at == service.updated_at


@pytest.mark.parametrize("case", BAD, ids=name_of)
def test_a_bad_update_is_refused_and_nothing_changes(case):
    entity = actions.create(kind=case.kind, values=whole(case.kind, {}), actor=ALICE)
    before = head_version()

    with pytest.raises(EntityInvalid) as refused:
        actions.update(kind=case.kind, entity_id=entity.pk, values=case.values, actor=ALICE)

    assert case.field in [problem.field for problem in refused.value.problems]
    assert head_version() == before
    assert KINDS[case.kind].model.objects.get(pk=entity.pk).to_values() == entity.to_values()


def test_an_entity_may_keep_its_own_name_but_not_take_anothers():
    a_service(name="taken")
    service = a_service(name="orders")
    actions.update(kind="services", entity_id=service.pk, values={"name": "orders", "port": 81}, actor=ALICE)

    with pytest.raises(EntityInvalid) as refused:
        actions.update(kind="services", entity_id=service.pk, values={"name": "taken"}, actor=ALICE)

    assert problems_of(refused) == [("name", "unique")]


def test_the_id_cannot_change():
    with pytest.raises(EntityInvalid) as refused:
        actions.update(kind="services", entity_id=a_service().pk, values={"id": str(uuid.uuid4())}, actor=ALICE)

    assert problems_of(refused) == [("id", "invalid")]


def test_a_replacement_returns_what_it_leaves_out_to_the_defaults():
    service = a_service(name="orders", port=8080, tags=["a"])

    replaced = actions.replace(kind="services", entity_id=service.pk, values={"host": "b"}, actor=ALICE)

    assert (replaced.name, replaced.host, replaced.port, replaced.tags) == (None, "b", 80, None)
    assert replaced.created_at == service.created_at


def test_a_replacement_may_keep_what_kong_does_not_know():
    target = a_target(enabled=False, scheme="https", weight=7)
    values = {"target": target.target, "upstream": to(target.upstream)}

    kept = actions.replace(kind="targets", entity_id=target.pk, values=values, actor=ALICE, keep_ours=True)
    assert (kept.enabled, kept.scheme, kept.weight) == (False, "https", 100)

    reset = actions.replace(kind="targets", entity_id=target.pk, values=values, actor=ALICE)
    assert (reset.enabled, reset.scheme) == (True, None)


def test_a_write_is_refused_when_somebody_was_faster():
    service = a_service()
    seen = head_version()
    actions.update(kind="services", entity_id=service.pk, values={"port": 81}, actor=ALICE)

    for write in (
        lambda: actions.update(
            kind="services", entity_id=service.pk, values={"port": 82}, actor=ALICE, expected_version=seen
        ),
        lambda: actions.delete(kind="services", entity_id=service.pk, actor=ALICE, expected_version=seen),
    ):
        with pytest.raises(EntityChanged) as refused:
            write()
        assert refused.value.version == head_version()

    assert Service.objects.get(pk=service.pk).port == 81


def test_edits_of_other_entities_do_not_stand_in_the_way():
    service = a_service()
    seen = head_version()
    a_service()

    actions.update(kind="services", entity_id=service.pk, values={"port": 82}, actor=ALICE, expected_version=seen)


@pytest.mark.parametrize("key", [uuid.uuid4(), "not-a-uuid", ""])
def test_what_does_not_exist_can_be_neither_changed_nor_deleted(key):
    with pytest.raises(EntityNotFound):
        actions.update(kind="services", entity_id=key, values={}, actor=ALICE)
    with pytest.raises(EntityNotFound):
        actions.replace(kind="services", entity_id=key, values={}, actor=ALICE)
    with pytest.raises(EntityNotFound):
        actions.delete(kind="services", entity_id=key, actor=ALICE)


# --- Delete ----------------------------------------------------------------------------------------------


def test_an_upstream_takes_its_targets_along():
    upstream = an_upstream()
    targets = [a_target(upstream), a_target(upstream)]
    a_target()

    gone = actions.delete(kind="upstreams", entity_id=upstream.pk, actor=ALICE)

    assert {change.entity_id for change in gone[:-1]} == {target.pk for target in targets}
    assert gone[-1].entity_id == upstream.pk
    assert all(change.after is None and change.before for change in gone)
    assert (Target.objects.count(), Upstream.objects.count()) == (1, 1)


def test_a_service_with_routes_is_held():
    service = a_service(name="orders")
    a_route(name="list", service=to(service))

    with pytest.raises(EntityInvalid) as refused:
        actions.delete(kind="services", entity_id=service.pk, actor=ALICE)

    assert problems_of(refused) == [("@entity", "in_use")]
    assert "route list" in str(refused.value)
    assert (Service.objects.count(), Route.objects.count()) == (1, 1)


def test_the_preview_tells_what_goes_what_holds_and_what_is_left_behind():
    upstream, service = an_upstream(name="pool"), a_service(name="orders", host="pool")
    target = a_target(upstream)
    for number in range(7):
        a_route(name=f"r{number}", service=to(service))

    preview = actions.deletion_preview("upstreams", upstream.pk)
    assert (preview.goes, preview.forbidden) == ([target], [])
    assert "service orders names the upstream pool" in preview.warnings[0]

    preview = actions.deletion_preview("services", service.pk)
    assert (preview.goes, preview.warnings) == ([], [])
    assert "and 2 more" in preview.forbidden[0].message
