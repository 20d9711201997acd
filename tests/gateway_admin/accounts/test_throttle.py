"""Guessing is limited: for a name from an address, for an address over all names, and for tokens."""

import pytest
from django.core.cache import caches
from django.test import RequestFactory
from redis import ConnectionError as RedisConnectionError

from gateway_admin.accounts import throttle
from gateway_admin.accounts.throttle import (
    FAILURES,
    FAILURES_OF_ADDRESS,
    WRONG_TOKENS,
    attempt_login,
    note_right_token,
    note_success,
    note_wrong_token,
    tokens_pause_s,
)

pytestmark = pytest.mark.django_db  # pauses are audited


@pytest.fixture(autouse=True)
def clean_caches():
    for name in ("default", "local"):
        caches[name].clear()


def a_request(address="192.0.2.1", **headers):
    return RequestFactory().post("/admin-ui/login/", REMOTE_ADDR=address, **headers)


def fail(times, name="alice", **request):
    return [attempt_login(a_request(**request), name) for _ in range(times)]


def test_the_limit_is_reached_after_some_failures():
    assert fail(FAILURES) == [True] * FAILURES
    assert fail(1) == [False]


def test_others_are_not_locked_out():
    fail(FAILURES + 1)

    assert attempt_login(a_request(), "bob")
    assert attempt_login(a_request(address="192.0.2.2"), "alice")


def test_a_success_forgets_the_failures_of_the_name():
    fail(FAILURES)
    note_success(a_request(), "alice")

    assert fail(FAILURES) == [True] * FAILURES


def test_one_address_cannot_try_one_password_on_many_names():
    allowed = [attempt_login(a_request(), f"user-{number}") for number in range(FAILURES_OF_ADDRESS + 1)]

    assert allowed == [True] * FAILURES_OF_ADDRESS + [False]
    assert attempt_login(a_request(address="192.0.2.2"), "user-1")


def test_an_own_user_does_not_reset_the_count_of_the_address():
    for number in range(FAILURES_OF_ADDRESS):
        assert attempt_login(a_request(), f"user-{number}")
        if number % 2:
            note_success(a_request(), f"user-{number}")
    left = FAILURES_OF_ADDRESS // 2

    assert [attempt_login(a_request(), f"more-{number}") for number in range(left + 1)] == [True] * left + [False]


def test_a_header_does_not_make_another_address():
    fail(FAILURES)

    assert not attempt_login(a_request(HTTP_X_FORWARDED_FOR="192.0.2.99"), "alice")


@pytest.mark.parametrize(
    ("one", "other"),
    [("2001:db8::1", "2001:db8::ffff:2"), ("::ffff:192.0.2.1", "192.0.2.1"), ("", "")],
)
def test_addresses_of_one_network_are_one(one, other):
    fail(FAILURES, address=one)

    assert not attempt_login(a_request(address=other), "alice")


def test_with_the_shared_cache_away_each_process_counts(monkeypatch):
    class Away:
        def get(self, *args):
            raise RedisConnectionError("no Redis")

        add = incr = decr = delete = get

    monkeypatch.setattr(throttle, "caches", {"default": Away(), "local": caches["local"]})

    assert fail(FAILURES + 1) == [True] * FAILURES + [False]
    note_success(a_request(), "alice")
    assert fail(1) == [True]


def test_names_of_any_shape_are_counted():
    assert fail(FAILURES + 1, name="\udcff\x00" * 1000)[-1] is False


def test_many_different_wrong_tokens_are_a_guesser():
    for number in range(WRONG_TOKENS):
        assert not tokens_pause_s(a_request(), "next")
        note_wrong_token(a_request(), f"guess-{number}")

    assert tokens_pause_s(a_request(), "next") > 0
    assert not tokens_pause_s(a_request(address="192.0.2.2"), "next")


def test_the_same_wrong_token_again_and_again_keeps_nobody_out():
    for _ in range(WRONG_TOKENS * 2):
        note_wrong_token(a_request(), "revoked")

    assert not tokens_pause_s(a_request(), "next")


def test_a_token_that_was_right_here_goes_on_through_a_pause():
    note_right_token(a_request(), "right")
    note_right_token(a_request(address="192.0.2.2"), "right elsewhere")
    for number in range(WRONG_TOKENS):
        note_wrong_token(a_request(), f"guess-{number}")

    assert not tokens_pause_s(a_request(), "right")
    assert tokens_pause_s(a_request(), "right elsewhere") > 0


def test_no_guess_is_logged(caplog):
    note_wrong_token(a_request(), "gh_nearly-the-right-one")
    fail(FAILURES + 1, name="a\nforged line")

    assert "nearly" not in caplog.text
    assert "a\nforged" not in "".join(record.getMessage() for record in caplog.records)
    assert "paused after 5 failures" in caplog.text
