"""Plugins: one of a name per scope, protocols that can meet, and what they go with."""

import uuid

import pytest
from django.db import IntegrityError, transaction

from gateway_admin.catalog import actions
from gateway_admin.catalog.actions import Edit
from gateway_admin.catalog.models import Plugin
from gateway_admin.common.problems import EditsInvalid, EntityInvalid
from tests.gateway_admin.builders import ALICE, a_consumer, a_plugin, a_route, a_service, to

pytestmark = pytest.mark.django_db

LIMIT = {"name": "rate-limiting", "config": {"minute": 5}}
THEIRS = "must match the associated route's protocols"
ANY = "must match the protocols of at least one route pointing to this Plugin's service"


def scopes():
    """Every combination of scopes, each of the same three entities."""
    bound = {"route": to(a_route()), "service": to(a_service()), "consumer": to(a_consumer())}
    for names in ([], ["route"], ["service"], ["consumer"], ["route", "consumer"], ["service", "consumer"], [*bound]):
        yield {name: bound[name] for name in names}


def problems(refused):
    return [(problem.field, problem.code, problem.message) for problem in refused.value.problems]


def test_a_plugin_may_stand_once_in_each_scope():
    for scope in list(scopes()):
        a_plugin(**LIMIT, **scope)
        with pytest.raises(EntityInvalid) as refused:
            a_plugin(**LIMIT, **scope)
        assert [(field, code) for field, code, _ in problems(refused)] == [("consumer", "unique")]
        a_plugin(name="cors" if "consumer" not in scope else "request-termination", **scope)

    assert Plugin.objects.count() == 14


def test_so_may_it_among_many_edits_at_once():
    edits = [Edit("plugins", str(uuid.uuid4()), LIMIT | scope) for scope in scopes()]
    actions.apply(edits=edits, actor=ALICE)

    again = [edit._replace(id=str(uuid.uuid4())) for edit in edits]
    with pytest.raises(EditsInvalid) as refused:
        actions.apply(edits=again, actor=ALICE)

    assert [key for _, key, _ in refused.value.refused] == [edit.id for edit in again]


def test_the_table_itself_refuses_a_second_one():
    for scope in scopes():
        plugin = a_plugin(**LIMIT, **scope)
        row = Plugin.objects.get(pk=plugin.pk)
        row.pk = uuid.uuid4()
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save(force_insert=True)


def test_instance_names_are_unique_where_there_are_any():
    a_plugin(instance_name="x")

    with pytest.raises(EntityInvalid) as refused:
        a_plugin(**LIMIT, instance_name="x")

    assert [(field, code) for field, code, _ in problems(refused)] == [("instance_name", "unique")]


def test_settings_merge_deeply_and_defaults_are_filled_in():
    plugin = a_plugin(name="rate-limiting", config={"minute": 5, "redis": {"host": "r"}})

    changed = actions.update(
        kind="plugins", entity_id=plugin.pk, values={"config": {"redis": {"port": 7000}}}, actor=ALICE
    )

    assert (changed.config["minute"], changed.config["redis"]["host"], changed.config["redis"]["port"]) == (
        5,
        "r",
        7000,
    )
    assert Plugin.objects.get().config == changed.config


def test_a_new_name_makes_the_old_settings_wrong():
    plugin = a_plugin(name="key-auth", config={"key_names": ["x"]})

    with pytest.raises(EntityInvalid) as refused:
        actions.update(kind="plugins", entity_id=plugin.pk, values={"name": "acl"}, actor=ALICE)

    assert ("config.key_names", "unknown") in [(field, code) for field, code, _ in problems(refused)]


# --- Protocols ---------------------------------------------------------------------------------------------


def test_a_plugin_must_share_a_protocol_with_its_route():
    route = a_route(protocols=["http"])
    a_plugin(**LIMIT, route=to(route), protocols=["http", "grpc"])

    with pytest.raises(EntityInvalid) as refused:
        a_plugin(route=to(route), protocols=["https"])

    assert problems(refused) == [("protocols", "invalid", THEIRS)]


def test_a_plugin_must_share_a_protocol_with_one_of_its_services_routes():
    service = a_service()
    plugin = a_plugin(service=to(service), protocols=["https"])  # a service without routes takes any
    a_route(service=to(service), protocols=["http"])

    with pytest.raises(EntityInvalid) as refused:
        actions.update(kind="plugins", entity_id=plugin.pk, values={"enabled": False}, actor=ALICE)
    assert problems(refused) == [("protocols", "invalid", ANY)]

    a_route(service=to(service), protocols=["https"])
    actions.update(kind="plugins", entity_id=plugin.pk, values={"enabled": False}, actor=ALICE)


def test_many_edits_at_once_are_held_against_the_routes_they_bring():
    service, route, good, bad = (str(uuid.uuid4()) for _ in range(4))
    edits = [
        Edit("plugins", good, LIMIT | {"route": {"id": route}, "protocols": ["http"]}),
        Edit("plugins", bad, {"name": "key-auth", "service": {"id": service}, "protocols": ["https"]}),
        Edit("routes", route, {"paths": ["/"], "protocols": ["http"], "service": {"id": service}}),
        Edit("services", service, {"host": "a"}),
    ]

    with pytest.raises(EditsInvalid) as refused:
        actions.apply(edits=edits, actor=ALICE)
    assert [(key, problems[0].message) for _, key, problems in refused.value.refused] == [(bad, ANY)]

    actions.apply(edits=[edit for edit in edits if edit.id != bad], actor=ALICE)
    assert Plugin.objects.count() == 1


# --- What they go with -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("scope", "build"), [("route", a_route), ("service", a_service), ("consumer", a_consumer)])
def test_a_plugin_goes_with_what_it_is_bound_to(scope, build):
    owner = build()
    plugin = a_plugin(**LIMIT, **{scope: to(owner)})
    a_plugin(**LIMIT)

    gone = actions.delete(kind=owner.kind, entity_id=owner.pk, actor=ALICE)

    assert [change.entity_id for change in gone] == [plugin.pk, owner.pk]
    assert Plugin.objects.count() == 1
