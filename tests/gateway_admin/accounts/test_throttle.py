"""Failed logins: a few are fine, then a pause, for that name from that address only."""

import pytest
from django.core.cache import caches
from django.test import RequestFactory
from redis import ConnectionError as RedisConnectionError

from gateway_admin.accounts import throttle
from gateway_admin.accounts.throttle import FAILURES, login_allowed, note_failure, note_success


@pytest.fixture(autouse=True)
def clean_caches():
    for cache in caches.all():
        cache.clear()
    caches["default"].clear()
    caches["local"].clear()


def a_request(address="192.0.2.1"):
    return RequestFactory().post("/admin-ui/login/", REMOTE_ADDR=address)


def fail(times, name="alice", **request):
    for _ in range(times):
        note_failure(a_request(**request), name)


def test_the_limit_is_reached_after_some_failures():
    fail(FAILURES - 1)
    assert login_allowed(a_request(), "alice")
    fail(1)
    assert not login_allowed(a_request(), "alice")


def test_others_are_not_locked_out():
    fail(FAILURES)

    assert login_allowed(a_request(), "bob")
    assert login_allowed(a_request(address="192.0.2.2"), "alice")


def test_a_success_forgets_the_failures():
    fail(FAILURES - 1)
    note_success(a_request(), "alice")
    fail(FAILURES - 1)

    assert login_allowed(a_request(), "alice")


def test_a_header_does_not_make_another_address():
    fail(FAILURES)
    request = RequestFactory().post("/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR="192.0.2.99")

    assert not login_allowed(request, "alice")


def test_with_the_shared_cache_away_each_process_counts(monkeypatch):
    class Away:
        def get(self, *args):
            raise RedisConnectionError("no Redis")

        add = incr = delete = get

    monkeypatch.setattr(throttle, "caches", {"default": Away(), "local": caches["local"]})

    fail(FAILURES - 1)
    assert login_allowed(a_request(), "alice")
    fail(1)
    assert not login_allowed(a_request(), "alice")


def test_names_of_any_shape_are_counted():
    fail(FAILURES, name="\udcff\x00" * 1000)

    assert not login_allowed(a_request(), "\udcff\x00" * 1000)
