"""Who could do everything before there were roles still can."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from gateway_admin.accounts.models import ApiToken, User


@pytest.fixture
def before_roles(transactional_db):
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    executor = MigrationExecutor(connection)
    executor.migrate([("accounts", "0001_initial")])
    yield MigrationExecutor(connection).loader.project_state([("accounts", "0001_initial")]).apps
    MigrationExecutor(connection).migrate(latest)


def test_users_become_admins_and_their_tokens_keep_the_widest_scope(before_roles):
    user = before_roles.get_model("accounts", "User").objects.create(username="old")
    before_roles.get_model("accounts", "ApiToken").objects.create(user=user, name="ci", digest="0" * 64, prefix="gh_")

    MigrationExecutor(connection).migrate([("accounts", "0002_roles_and_scopes")])

    assert User.objects.get().role == "admin"
    assert (ApiToken.objects.get().scope, ApiToken.objects.get().kinds) == ("admin", None)
