"""Failures of targets: one line per target and kind, bounded."""

from __future__ import annotations

from proxy_engine.errors import FailureKind
from proxy_engine.telemetry.problems import MAX_KINDS, ProblemLog


def test_equal_failures_are_one_line_with_their_number():
    log = ProblemLog()
    log.note("10.0.0.1:80", FailureKind.CONNECT, "refused")
    for _ in range(12):
        log.note("10.0.0.2:80", FailureKind.TIMEOUT, "no answer within 60 s")
    assert log.take() == [
        "10.0.0.1:80: connect: refused",
        "10.0.0.2:80: timeout: no answer within 60 s (12 times)",
    ]


def test_address_kind_and_detail_tell_failures_apart():
    log = ProblemLog()
    log.note("10.0.0.1:80", FailureKind.RESET, "a")
    log.note("10.0.0.1:80", FailureKind.RESET, "b")
    log.note("10.0.0.1:80", FailureKind.STALE, "a")
    log.note("10.0.0.2:80", FailureKind.RESET, "a")
    assert len(log.take()) == 4


def test_what_was_taken_is_gone():
    log = ProblemLog()
    assert log.take() == []
    log.note("10.0.0.1:80", FailureKind.CONNECT, "refused")
    assert log.take()
    assert log.take() == []


def test_a_flood_of_kinds_is_only_counted():
    log = ProblemLog()
    for number in range(MAX_KINDS + 30):
        log.note("10.0.0.1:80", FailureKind.RESET, f"detail {number}")
    log.note("10.0.0.1:80", FailureKind.RESET, "detail 0")
    lines = log.take()
    assert len(lines) == MAX_KINDS + 1
    assert lines[0] == "10.0.0.1:80: connection lost: detail 0 (2 times)"
    assert lines[-1] == "30 further failures of other kinds"
    assert log.take() == []
