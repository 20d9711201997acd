"""Many edits at once, judged by the state they lead to: everything or nothing, as one batch."""

import uuid

import pytest
from django.db import connection

from gateway_admin.catalog import actions
from gateway_admin.catalog.actions import Edit
from gateway_admin.catalog.changes import head_version
from gateway_admin.catalog.kinds import IN_ORDER, KINDS
from gateway_admin.catalog.models import Change, Route, Service, Target, Upstream
from gateway_admin.common.problems import EditsInvalid
from tests.gateway_admin.builders import ALICE, a_route, a_service, a_target, an_upstream, to

from .cases import BAD, GOOD, contains, name_of, whole

pytestmark = pytest.mark.django_db(transaction=True)


def apply(*edits):
    """With the foreign keys of all rows checked at once, as at the end of a transaction."""
    done = actions.apply(edits=edits, actor=ALICE)
    connection.check_constraints()
    return done


def refused(*edits):
    before = head_version()
    with pytest.raises(EditsInvalid) as found:
        apply(*edits)
    assert head_version() == before
    return {(kind, key): [(bad.field, bad.code) for bad in problems] for kind, key, problems in found.value.refused}


def edit(entity, **values):
    return Edit(entity.kind, str(entity.pk), entity.to_values() | values)


def gone(entity):
    return Edit(entity.kind, str(entity.pk), None)


def new_id():
    return str(uuid.uuid4())


# --- What it does ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", GOOD, ids=name_of)
def test_good_values_are_stored_in_normal_form(case):
    key = new_id()

    apply(Edit(case.kind, key, whole(case.kind, case.values)))

    stored = KINDS[case.kind].model.objects.get(pk=key).to_values()
    assert contains(stored, case.values | case.stored)


@pytest.mark.parametrize("case", BAD, ids=name_of)
def test_bad_values_are_refused_with_their_field(case):
    key = new_id()

    found = refused(Edit(case.kind, key, whole(case.kind, case.values)))

    assert case.field in [field for field, _ in found[case.kind, key]]
    assert not KINDS[case.kind].model.objects.exists()


def test_new_changed_and_gone_are_one_batch_in_the_log():
    changes_it, goes = a_service(name="a", retries=1), a_service(name="b")
    before, key, created_at = changes_it.to_values(), new_id(), changes_it.created_at

    done = apply(edit(changes_it, retries=2), gone(goes), Edit("services", key, {"name": "c", "host": "c"}))

    changes = list(Change.objects.filter(batch=done.id).order_by("version"))
    assert {str(change.entity_id): (change.before, change.after) for change in changes} == {
        str(goes.pk): (goes.to_values(), None),
        str(changes_it.pk): (before, Service.objects.get(pk=changes_it.pk).to_values()),
        key: (None, Service.objects.get(pk=key).to_values()),
    }
    assert [change.version for change in changes] == [3, 4, 5]
    assert done.version == 5
    assert Service.objects.get(pk=changes_it.pk).created_at == created_at
    assert Service.objects.get(pk=changes_it.pk).retries == 2


def test_what_is_already_so_makes_no_change():
    service, before = a_service(name="a"), head_version()

    done = apply(edit(service), Edit("services", new_id(), None))

    assert (done.changes, head_version()) == ([], before)
    assert Service.objects.get().updated_at == service.updated_at


def test_absent_fields_return_to_their_defaults():
    service = a_service(name="a", retries=1)

    apply(Edit("services", str(service.pk), {"host": "b"}))

    service.refresh_from_db()
    assert (service.name, service.host, service.retries) == (None, "b", 5)


def test_the_order_of_edits_does_not_matter():
    upstream, service = new_id(), new_id()

    apply(
        Edit("targets", new_id(), {"target": "a:80", "upstream": {"id": upstream}}),
        Edit("routes", new_id(), {"paths": ["/"], "service": {"id": service}}),
        Edit("upstreams", upstream, {"name": "pool"}),
        Edit("services", service, {"host": "pool"}),
    )

    assert (Target.objects.get().upstream.name, Route.objects.get().service.host) == ("pool", "pool")
    kinds = list(Change.objects.order_by("version").values_list("kind", flat=True))
    assert kinds.index("upstreams") < kinds.index("targets")
    assert kinds.index("services") < kinds.index("routes")


def test_two_entities_may_swap_their_names():
    first, second = an_upstream(name="a"), an_upstream(name="b")
    target = a_target(first)

    apply(edit(first, name="b"), edit(second, name="a"))

    assert Upstream.objects.get(name="b").pk == first.pk
    assert Target.objects.get(pk=target.pk).upstream_id == first.pk


def test_a_name_may_pass_from_what_goes_to_what_comes():
    key = new_id()

    apply(gone(a_service(name="a")), Edit("services", key, {"name": "a", "host": "b"}))

    assert str(Service.objects.get().pk) == key


def test_a_service_may_go_when_its_routes_move_or_go():
    old, other = a_service(), a_service()
    moves, goes = a_route(service=to(old)), a_route(service=to(old))

    apply(gone(old), edit(moves, service=to(other)), gone(goes))

    assert Route.objects.get().service_id == other.pk


def test_what_hangs_on_an_entity_goes_along_unless_it_moves():
    old, other = an_upstream(), an_upstream()
    goes, moves = a_target(old), a_target(old)

    done = apply(gone(old), edit(moves, upstream=to(other)))

    assert Target.objects.get().pk == moves.pk
    assert [change.entity_id for change in done.changes[:2]] == [goes.pk, old.pk]


def test_an_id_in_capitals_is_the_same_id():
    service = a_service(name="a")

    apply(Edit("services", str(service.pk).upper(), {"host": "b"}))

    assert Service.objects.get().host == "b"


def test_thousands_of_edits_take_few_statements(django_assert_max_num_queries):
    edits = [Edit("services", new_id(), {"name": f"s{number}", "host": "a"}) for number in range(1500)]

    with django_assert_max_num_queries(150):
        actions.apply(edits=edits, actor=ALICE)

    assert Service.objects.count() == Change.objects.count() == 1500


# --- What it refuses ---------------------------------------------------------------------------------------


def test_all_that_is_wrong_is_told_with_its_edit():
    good, bad, worse = new_id(), new_id(), new_id()

    found = refused(
        Edit("services", good, {"host": "a"}),
        Edit("services", bad, {"host": "a", "port": -1}),
        Edit("routes", worse, {"paths": ["x"], "hots": 1}),
    )

    assert found == {
        ("services", bad): [("port", "invalid")],
        ("routes", worse): [("hots", "unknown"), ("paths.0", "invalid")],
    }
    assert not Service.objects.exists()


def test_a_reference_to_nothing_is_refused():
    nothing, key, child = new_id(), new_id(), new_id()
    goes = an_upstream()

    found = refused(
        gone(goes),
        Edit("routes", key, {"paths": ["/"], "service": {"id": nothing}}),
        Edit("targets", child, {"target": "a:1", "upstream": to(goes)}),
    )

    assert found == {
        ("routes", key): [("service.id", "reference")],
        ("targets", child): [("upstream.id", "reference")],
    }


def test_what_is_to_stay_as_it_is_cannot_when_its_owner_goes():
    target = a_target()

    found = refused(gone(target.upstream), edit(target))

    assert found == {("targets", str(target.pk)): [("@entity", "reference")]}
    assert Target.objects.exists()


def test_a_service_with_routes_is_held():
    service = a_service()
    route = a_route(service=to(service))

    held = {("services", str(service.pk)): [("@entity", "in_use")]}
    assert refused(gone(service)) == held
    assert refused(gone(service), edit(route)) == held


def test_a_name_that_is_taken_is_refused():
    a_service(name="a")
    first, second, third = new_id(), new_id(), new_id()

    found = refused(
        Edit("services", first, {"name": "a", "host": "x"}),
        Edit("services", second, {"name": "b", "host": "x"}),
        Edit("services", third, {"name": "b", "host": "x"}),
    )

    assert found == {("services", first): [("name", "unique")], ("services", third): [("name", "unique")]}


def test_a_target_may_not_stand_twice_in_one_upstream():
    taken = a_target(target="a:80")
    key = new_id()

    found = refused(Edit("targets", key, {"target": "A:80", "upstream": to(taken.upstream)}))

    assert found == {("targets", key): [("target", "unique")]}
    apply(Edit("targets", key, {"target": "A:80", "upstream": to(an_upstream())}))


@pytest.mark.parametrize(
    ("kind", "key", "values", "field"),
    [
        ("services", "no-uuid", {"host": "a"}, "id"),
        ("services", "9f2b4e40-5b0e-4f0c-8f7b-0123456789ab", {"host": "a", "id": new_id()}, "id"),
        ("services", "9f2b4e40-5b0e-4f0c-8f7b-0123456789ab", {"host": "a", "created_at": -1}, "created_at"),
        ("services", "9f2b4e40-5b0e-4f0c-8f7b-0123456789ab", ["host"], "@entity"),
        ("tables", "9f2b4e40-5b0e-4f0c-8f7b-0123456789ab", {}, "@entity"),
    ],
)
def test_nonsense_is_refused(kind, key, values, field):
    found = refused(Edit(kind, key, values))

    assert [name for name, _ in found[kind, key]] == [field]


@pytest.mark.parametrize("values", [["host"], None, {"hots": 1}, {"created_at": True}])
def test_nonsense_about_what_exists_is_refused_too(values):
    service = a_service()
    values = service.to_values() | values if isinstance(values, dict) else values or "host"

    assert refused(Edit("services", str(service.pk), values))


def test_one_entity_cannot_be_edited_twice():
    service = a_service()

    assert refused(edit(service, retries=1), gone(service)) == {("services", str(service.pk)): [("id", "unique")]}


def test_a_refusal_inside_a_larger_batch_leaves_the_rest_of_it_intact():
    with actions.batch(ALICE):
        service = a_service(name="a")
        with pytest.raises(EditsInvalid):
            apply(gone(service), Edit("routes", new_id(), {"paths": ["/"], "service": to(service)}))

    assert Service.objects.get().name == "a"
    assert head_version() == 1


def test_what_goes_along_takes_nothing_along_itself():
    """Deletions look one step ahead; a cascade of cascades would need more."""
    along = {other.kind for kind in KINDS.values() for other in kind.dependents if other.cascades}

    assert [kind for kind in along if KINDS[kind].dependents] == ["routes"] or not any(
        KINDS[kind].dependents for kind in along
    )
    assert all(IN_ORDER.index(to) < IN_ORDER.index(kind) for kind in KINDS for to in KINDS[kind].references.values())
