"""Rows of an older release: after a migration they behave as before and are what the spec takes."""

import uuid

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from gateway_admin.catalog.models import Target, Upstream
from proxy_engine import spec


def migrate(*targets):
    """The tables as of these migrations, and the models that fit them."""
    executor = MigrationExecutor(connection)
    executor.migrate(list(targets))
    return MigrationExecutor(connection).loader.project_state(list(targets)).apps


@pytest.fixture
def before_0002(transactional_db):
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    yield migrate(("catalog", "0001_initial"))
    migrate(*latest)


def test_upstreams_and_targets_of_the_first_release_keep_their_behaviour(before_0002):
    old = spec.check("upstreams", {"name": "pool", "tags": ["a"]}).values
    columns = {field.name for field in before_0002.get_model("catalog", "Upstream")._meta.fields}
    upstream = before_0002.get_model("catalog", "Upstream").objects.create(
        id=uuid.uuid4(), **{name: value for name, value in old.items() if name in columns}
    )
    before_0002.get_model("catalog", "Target").objects.create(
        id=uuid.uuid4(), upstream=upstream, target="a:80", weight=7, enabled=True
    )

    migrate(*MigrationExecutor(connection).loader.graph.leaf_nodes())

    stored, target = Upstream.objects.get(), Target.objects.get()
    assert {name: stored.to_values()[name] for name in old} == old
    assert (target.priority, target.weight) == (0, 7)
    for row in (stored, target):
        checked = spec.check(row.kind, row.to_values())
        assert checked.problems == []
        assert checked.values == row.to_values()
