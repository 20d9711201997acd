"""The retry table, row by row."""

from __future__ import annotations

import pytest

from proxy_engine.errors import FailureKind
from proxy_engine.proxy.retry import FINAL_STATUS, MAY_REPEAT, may_repeat

SAFE_TO_REPEAT = (b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE")
NOT_SAFE = (b"POST", b"PATCH", b"LOCK", b"CONNECT", b"PURGE", b"get", b"")


@pytest.mark.parametrize("kind", FailureKind)
def test_every_failure_stands_in_both_tables(kind):
    assert kind in MAY_REPEAT
    assert FINAL_STATUS[kind] in (502, 504)


@pytest.mark.parametrize("method", [*SAFE_TO_REPEAT, *NOT_SAFE])
@pytest.mark.parametrize("kind", [FailureKind.CONNECT, FailureKind.CONNECT_TIMEOUT])
def test_what_was_never_sent_may_be_sent_again_whatever_it_is(kind, method):
    assert may_repeat(kind, method, body_at_hand=True)


@pytest.mark.parametrize("kind", [FailureKind.STALE, FailureKind.RESET, FailureKind.BAD_RESPONSE])
def test_what_may_have_been_processed_is_repeated_only_if_that_does_no_harm(kind):
    assert all(may_repeat(kind, method, body_at_hand=True) for method in SAFE_TO_REPEAT)
    assert not any(may_repeat(kind, method, body_at_hand=True) for method in NOT_SAFE)


@pytest.mark.parametrize("method", [*SAFE_TO_REPEAT, *NOT_SAFE])
def test_a_timeout_is_never_repeated(method):
    assert not may_repeat(FailureKind.TIMEOUT, method, body_at_hand=True)


@pytest.mark.parametrize("kind", FailureKind)
def test_nothing_is_repeated_without_its_body(kind):
    assert not may_repeat(kind, b"GET", body_at_hand=False)


@pytest.mark.parametrize("kind", FailureKind)
def test_a_timeout_is_504_and_the_rest_502(kind):
    assert FINAL_STATUS[kind] == (504 if "timeout" in kind.value else 502)
