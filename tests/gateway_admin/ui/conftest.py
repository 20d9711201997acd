"""A signed-in reader of the dashboard."""

import pytest
from django.contrib.auth import get_user_model

from .forms import Page

PASSWORD = "a good long password"


@pytest.fixture
def alice(db):
    return get_user_model().objects.create_user("alice", password=PASSWORD, role="admin")


@pytest.fixture
def page(client, alice):
    """Alice's browser: ``page.get(path)``, ``page.submit(path, field=…)``."""
    client.force_login(alice)
    return Page(client)
