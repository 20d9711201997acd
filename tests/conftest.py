"""What every test of the control plane stands on: a database file of its own, and no Redis.

Tests that need a real Redis or a whole stack start one themselves.
"""

import pytest
from django.core.cache import caches
from django.db import connections
from django.test import override_settings

from gateway_admin.common import audit
from gateway_admin.common.installation import IN_PROCESS, Redis


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory, django_db_modify_db_settings_parallel_suffix):
    """SQLite in a file, as in production: in memory it knows neither WAL nor two writers."""
    database = connections["default"].settings_dict
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.db")


@pytest.fixture(autouse=True)
def nobody_paused(everything_in_process):
    """Wrong passwords and tokens of the tests before count no longer, nor do their denials."""
    for cache in caches.all():
        cache.clear()
    audit.ledger.minute, audit.ledger.seen = 0, {}


@pytest.fixture(scope="session", autouse=True)
def everything_in_process():
    redis = Redis(url=IN_PROCESS, celery_broker=IN_PROCESS)
    caches = {name: redis.cache() | {"LOCATION": name} for name in ("default", "local")}
    with override_settings(
        REDIS=redis,
        CHANNEL_LAYERS={"default": redis.channel_layer()},
        CACHES=caches,
        ALLOWED_HOSTS=["testserver", "localhost", "127.0.0.1"],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # fast, and nothing here is secret
    ):
        yield
