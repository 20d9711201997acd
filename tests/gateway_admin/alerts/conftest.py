"""The cast of ``accounts``: Alice is an admin, Bob an operator, Charlie a viewer; and an upstream to speak of."""

import pytest

from tests.gateway_admin.accounts.conftest import alice, bob, browser, charlie, no_failures_counted, script  # noqa: F401
from tests.gateway_admin.builders import an_upstream


@pytest.fixture
def pool(db):
    return an_upstream(name="pool")
