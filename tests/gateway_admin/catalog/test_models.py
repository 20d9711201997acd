"""Rows and values are the same thing in two forms, and the spec's rules hold for rows as well."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Service, Target
from gateway_admin.common.derived_fields import Derived
from proxy_engine import spec
from tests.gateway_admin.builders import a_service, a_target, an_upstream

from .cases import BAD, GOOD, contains, name_of, whole

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_the_spec_is_a_column_and_nothing_else_is(kind):
    fields = KINDS[kind].model._meta.concrete_fields
    columns = {field.name for field in fields if not isinstance(field, Derived)}

    assert columns == {*spec.KINDS[kind].fields, *spec.CONTROL_FIELDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_instance_has_the_defaults_of_the_spec(kind):
    values = KINDS[kind].model().to_values()

    assert {name: values[name] for name in spec.KINDS[kind].fields} == spec.defaults(kind)


def test_a_default_yields_to_what_is_given():
    upstream = an_upstream()

    assert Target(upstream=upstream, weight=7).weight == 7
    assert Target(upstream=upstream).upstream_id == upstream.pk
    assert Target(upstream_id=upstream.pk).upstream_id == upstream.pk


@pytest.mark.parametrize("case", GOOD, ids=name_of)
def test_clean_stores_good_values_in_normal_form(case):
    entity = KINDS[case.kind].model()
    entity.assign(whole(case.kind, case.values))
    entity.clean()

    assert contains(entity.to_values(), case.values | case.stored)


@pytest.mark.parametrize("case", BAD, ids=name_of)
def test_clean_refuses_bad_values_and_names_the_field(case):
    entity = KINDS[case.kind].model()
    entity.assign(whole(case.kind, case.values))

    with pytest.raises(ValidationError) as refused:
        entity.clean()

    first = case.field.partition(".")[0]
    assert ("__all__" if first == "@entity" else first) in refused.value.message_dict


@pytest.mark.parametrize("kind", KINDS)
def test_values_survive_the_way_through_the_database(kind):
    entity = KINDS[kind].model()
    entity.assign(whole(kind, {"tags": ["a"]}))
    entity.clean()
    entity.save()

    row = KINDS[kind].model.objects.filter(pk=entity.pk).values().get()
    assert KINDS[kind].model.objects.get(pk=entity.pk).to_values() == entity.to_values()
    assert entity.values_of_row(row) == entity.to_values()


def test_times_are_whole_seconds_except_for_targets():
    assert isinstance(a_service().to_values()["created_at"], int)
    assert isinstance(a_target().to_values()["created_at"], float)


@pytest.mark.parametrize("field", ["port", "retries", "connect_timeout"])
def test_the_table_itself_refuses_numbers_out_of_range(field):
    service = a_service()

    with pytest.raises(IntegrityError), transaction.atomic():
        Service.objects.filter(pk=service.pk).update(**{field: -1})


def test_the_table_itself_refuses_a_target_twice():
    first = a_target()
    twin = Target(upstream=first.upstream, target=first.target)

    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save()


def test_an_entity_is_called_by_its_name_or_the_start_of_its_id():
    assert str(a_service(name="orders")) == "orders"
    service = a_service()
    assert str(service) == str(service.pk)[:8]
    assert str(a_target(target="a:1")) == "a:1"
