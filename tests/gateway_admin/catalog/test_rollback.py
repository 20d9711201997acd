"""Back to a version gives exactly what was configured then; undoing a batch takes back that batch alone."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from gateway_admin.catalog import actions, rollback
from gateway_admin.catalog.actions import Actor
from gateway_admin.catalog.changes import batch, head_version
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Change, Service, Target, Upstream
from gateway_admin.catalog.transfer.importing import imported
from gateway_admin.catalog.transfer.plan import PlanRefused
from gateway_admin.common.problems import EntityInvalid, EntityNotFound
from tests.gateway_admin.builders import ALICE, a_route, a_service, a_target, an_upstream, to
from tests.gateway_admin.catalog.transfer.files import EVERYTHING, a_file, configuration, load, marks

BOB = Actor("bob", "rollback")


def go_back(version):
    return imported(BOB, lambda: rollback.back_to(version))


def undo(version, **options):
    return imported(BOB, lambda: rollback.undoing(version, **options))


@pytest.mark.django_db
class TestGoingBack:
    def test_everything_is_as_it_was(self):
        load(EVERYTHING)
        version, before = head_version(), configuration()
        load(a_file(services=[{"name": "orders", "host": "other"}]))

        go_back(version)

        assert configuration() == before

    def test_to_the_beginning_leaves_nothing(self):
        load(EVERYTHING)

        go_back(0)

        assert configuration() == {}

    def test_it_is_a_batch_of_its_own_that_can_be_taken_back(self):
        load(EVERYTHING)
        version, before = head_version(), configuration()

        _, edits = go_back(0)
        assert {(change.actor, change.via) for change in edits.changes} == {("bob", "rollback")}
        go_back(version)

        assert configuration() == before

    def test_to_where_one_is_changes_nothing(self):
        a_service()

        assert rollback.back_to(head_version()).steps == []

    @pytest.mark.parametrize("version", [-1, 7, 10**30])
    def test_a_version_that_never_was_is_not_found(self, version):
        with pytest.raises(EntityNotFound):
            rollback.back_to(version)
        with pytest.raises(EntityNotFound):
            rollback.undoing(version)

    def test_fields_that_came_with_a_later_release_get_their_defaults(self):
        upstream = an_upstream(name="pool")
        version = head_version()
        actions.delete(kind="upstreams", entity_id=upstream.pk, actor=ALICE)
        change = Change.objects.get(version=version + 1)
        del change.before["retry"]
        change.save()

        go_back(version)

        assert Upstream.objects.get().retry["budget_min"] == 3

    def test_the_difference_of_two_versions_reads_both_ways(self):
        service = a_service(name="s", port=81)
        actions.update(kind="services", entity_id=service.pk, values={"port": 82}, actor=ALICE)
        an_upstream(name="later")

        assert marks(rollback.between(1, 2)) == ["~services s"]
        assert rollback.between(1, 2).steps[0].edits[0][1:] == (81, 82)
        assert rollback.between(2, 1).steps[0].edits[0][1:] == (82, 81)
        assert marks(rollback.between(3, 0)) == ["-services s", "-upstreams later"]

    def test_the_whole_configuration_of_a_version_can_be_read(self):
        service = a_service(name="s")
        actions.delete(kind="services", entity_id=service.pk, actor=ALICE)
        an_upstream()

        stored = rollback.as_of(1)

        assert [values["name"] for values in stored.entities["services"].values()] == ["s"]
        assert stored.entities["upstreams"] == {}


@pytest.mark.django_db
class TestUndoing:
    def test_a_batch_is_taken_back_and_others_stay(self):
        service = a_service(name="s", port=81)
        with batch(ALICE) as edits:
            actions.update(kind="services", entity_id=service.pk, values={"port": 82}, actor=ALICE)
            gone = an_upstream(name="came-along")
        a_route(name="r", service=to(service))

        plan, _ = undo(edits.version)

        assert marks(plan) == ["-upstreams came-along", "~services s"]
        service.refresh_from_db()
        assert (service.port, Upstream.objects.filter(pk=gone.pk).exists()) == (81, False)

    def test_what_was_deleted_comes_back_with_what_went_along(self):
        target = a_target(an_upstream(name="pool"))
        before = configuration()
        actions.delete(kind="upstreams", entity_id=target.upstream_id, actor=ALICE)

        undo(head_version())

        assert configuration() == before

    def test_later_changes_of_the_same_entity_are_in_the_way(self):
        service = a_service(name="s", port=81)
        for port in (82, 83):
            actions.update(kind="services", entity_id=service.pk, values={"port": port}, actor=ALICE)

        with pytest.raises(PlanRefused, match="service s was changed since, last by alice in version 3"):
            undo(2)
        plan, _ = undo(2, force=True)

        service.refresh_from_db()
        assert service.port == 81
        assert plan.warnings == ["Service s was changed since, last by alice in version 3."]

    def test_a_later_change_that_was_undone_is_in_nobodys_way(self):
        service = a_service(name="s", port=81)
        for port in (82, 83):
            actions.update(kind="services", entity_id=service.pk, values={"port": port}, actor=ALICE)

        undo(3)
        undo(2)

        service.refresh_from_db()
        assert service.port == 81

    def test_what_came_to_depend_on_it_is_in_the_way(self):
        upstream = an_upstream(name="pool")
        version = head_version()
        a_target(upstream, target="10.0.0.1:80")

        with pytest.raises(PlanRefused, match=r"targets 10\.0\.0\.1:80 came to depend on it"):
            undo(version)
        plan, _ = undo(version, force=True)

        assert (Target.objects.count(), Upstream.objects.count()) == (0, 0)
        assert marks(plan) == ["-targets 10.0.0.1:80", "-upstreams pool"]

    def test_what_it_led_to_is_gone_by_now(self):
        service = a_service(name="s")
        route = a_route(name="r", service=to(service))
        actions.delete(kind="routes", entity_id=route.pk, actor=ALICE)
        version = head_version()
        actions.delete(kind="services", entity_id=service.pk, actor=ALICE)

        with pytest.raises(PlanRefused, match="no service"):
            undo(version)

    def test_a_name_that_somebody_else_took_is_in_the_way(self):
        service = a_service(name="s")
        actions.delete(kind="services", entity_id=service.pk, actor=ALICE)
        version = head_version()
        a_service(name="s")

        with pytest.raises(PlanRefused, match="called 's'"):
            undo(version)

    def test_undoing_twice_is_refused_as_changed_since(self):
        service = a_service(name="s", port=81)
        actions.update(kind="services", entity_id=service.pk, values={"port": 82}, actor=ALICE)
        undo(2)

        with pytest.raises(PlanRefused, match="changed since, last by bob"):
            undo(2)


@pytest.mark.django_db(transaction=True)
class TestOutsideOfTransactions:
    """Every reading opens a transaction of its own; one inside another would be refused by the database."""

    def test_everything_can_be_read(self):
        load(EVERYTHING)
        version = head_version()

        assert _flat(rollback.as_of(version)) == configuration()
        assert rollback.back_to(version).steps == rollback.between(version, version).steps == []
        assert len(rollback.undoing(version).steps) == version

    def test_everything_can_be_taken_back(self):
        load(EVERYTHING)
        undo(1)
        assert configuration() == {}
        go_back(1)
        assert len(configuration()) == 1

    def test_a_large_batch_is_undone_with_few_statements(self, django_assert_max_num_queries):
        services = [{"name": f"s{n}", "host": "h", "routes": [{"name": f"r{n}", "paths": ["/"]}]} for n in range(400)]
        load(a_file(services=services))
        with django_assert_max_num_queries(60):
            plan = rollback.undoing(1)
        assert len(plan.steps) == 800


NAMES = st.sampled_from(["a", "b", "c"])
EDITS = st.one_of(
    st.tuples(st.just("service"), NAMES, st.integers(1, 9)),
    st.tuples(st.just("route"), NAMES, NAMES),
    st.tuples(st.just("upstream"), NAMES, st.sampled_from(["round-robin", "least-connections"])),
    st.tuples(st.just("target"), NAMES, st.integers(1, 3)),
    st.tuples(st.just("delete"), st.sampled_from(["services", "routes", "upstreams", "targets"]), NAMES),
    st.tuples(st.just("file"), NAMES, st.integers(1, 9)),
)


class AnyEdits(TestCase):
    @given(st.lists(st.lists(EDITS, max_size=4), min_size=1, max_size=5), st.data())
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_back_to_any_version_gives_what_was_then(self, batches, data):
        seen = {head_version(): configuration()}
        for edits in batches:
            for edit in edits:
                _make(*edit)
            seen[head_version()] = configuration()
        for version in data.draw(st.permutations(sorted(seen))):
            whole = rollback.as_of(version)
            assert _flat(whole) == seen[version]
            go_back(version)
            assert configuration() == seen[version]


def _flat(stored):
    return {
        (kind, values["id"]): {name: value for name, value in values.items() if name != "updated_at"}
        for kind, values in stored.each()
    }


def _make(what, name, more):
    """Refusals are part of the game."""
    try:
        with batch(ALICE):
            EDITORS[what](name, more)
    except EntityInvalid:
        pass


def _put(kind, key, values):
    found = KINDS[kind].model.objects.filter(**key).first()
    if found:
        actions.update(kind=kind, entity_id=found.pk, values=values, actor=ALICE)
    else:
        actions.create(kind=kind, values=values, actor=ALICE)


def _route(name, service):
    owner = Service.objects.filter(name=service).first()
    _put("routes", {"name": name}, {"name": name, "paths": [f"/{service}"], "service": owner and to(owner)})


def _target(name, number):
    upstream = Upstream.objects.filter(name=name).first()
    if upstream:
        values = {"upstream": to(upstream), "target": "h:1", "weight": number}
        _put("targets", {"upstream": upstream, "target": "h:1"}, values)


def _delete(kind, name):
    key = {"upstream__name": name} if kind == "targets" else {"name": name}
    found = KINDS[kind].model.objects.filter(**key).first()
    if found:
        actions.delete(kind=kind, entity_id=found.pk, actor=ALICE)


EDITORS = {
    "service": lambda name, port: _put("services", {"name": name}, {"name": name, "host": "h", "port": port}),
    "route": _route,
    "upstream": lambda name, how: _put("upstreams", {"name": name}, {"name": name, "algorithm": how}),
    "target": _target,
    "delete": _delete,
    "file": lambda name, port: load(a_file(services=[{"name": name, "host": "h", "port": port}], upstreams=[
        {"name": name, "targets": [{"target": "h:1"}]}
    ])),
}  # fmt: skip
