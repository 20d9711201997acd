"""The audit's ledger: what is merged, what is written when, and that a flood stays small."""

from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone

from gateway_admin.common import audit
from gateway_admin.common.audit import MOST_A_MINUTE, OTHERS, Denial, Ledger, prune, record_change, record_denial
from gateway_admin.common.audit_entry import LONGEST, AuditEntry

NOW = 1_800_000_000.0  # the start of a minute


def a_denial(**facts):
    return Denial(
        **{"actor": "bob", "via": "api", "address": "192.0.2.1", "what": "GET /api/users", "reason": "no"} | facts
    )


def counts(due):
    return [found.count for found in due]


def test_the_first_is_written_at_once():
    assert counts(Ledger().add(a_denial(), NOW)) == [1]


def test_equal_ones_are_counted_and_written_once_a_second():
    ledger = Ledger()
    written = [ledger.add(a_denial(), NOW + tick / 10) for tick in range(31)]
    assert [counts(due) for due in written if due] == [[1], [10], [10], [10]]


def test_what_is_left_of_a_minute_is_written_in_the_next():
    ledger = Ledger()
    ledger.add(a_denial(), NOW)
    ledger.add(a_denial(), NOW + 0.1)
    left, new = ledger.add(a_denial(actor="eve"), NOW + 61)
    assert (left.denial, left.count, left.minute) == (a_denial(), 1, NOW // 60)
    assert (new.denial.actor, new.minute) == ("eve", NOW // 60 + 1)


def test_too_many_different_ones_become_one():
    ledger = Ledger()
    due = [found for number in range(500) for found in ledger.add(a_denial(what=f"GET /{number}"), NOW)]
    assert len(due) == MOST_A_MINUTE + 1
    assert due[-1].denial == OTHERS


@pytest.mark.django_db
def test_equal_denials_of_a_minute_are_one_row(monkeypatch):
    clock = iter([NOW, NOW + 2, NOW + 70])
    monkeypatch.setattr(audit.time, "time", lambda: next(clock))
    for _ in range(3):
        record_denial(a_denial())
    assert [*AuditEntry.objects.order_by("id").values_list("count", "outcome")] == [(2, "denied"), (1, "denied")]


@pytest.mark.django_db
def test_another_process_counts_in_the_same_row(monkeypatch):
    monkeypatch.setattr(audit.time, "time", lambda: NOW)
    record_denial(a_denial())
    monkeypatch.setattr(audit, "ledger", Ledger())
    record_denial(a_denial())
    assert AuditEntry.objects.get().count == 2


@pytest.mark.django_db
def test_long_texts_are_cut():
    record_denial(a_denial(what="x" * 5000))
    record_change(actor="y" * 5000, via="ui", address="", what="z" * 5000)
    for entry in AuditEntry.objects.all():
        assert max(len(entry.actor), len(entry.what)) == LONGEST


def test_a_denial_that_cannot_be_written_is_no_error(monkeypatch, caplog):
    def away(due):
        raise DatabaseError("disk full")

    monkeypatch.setattr(audit, "_write", away)
    record_denial(a_denial())
    assert "a denial is in no audit: disk full" in caplog.text


@pytest.mark.django_db
def test_old_entries_go_and_too_many_denials():
    for number in range(6):
        record_denial(a_denial(actor=str(number)))
    record_change(actor="alice", via="ui", address="", what="made the user bob")
    AuditEntry.objects.filter(actor="5").update(at=timezone.now() - timedelta(days=400))
    assert prune(before=timezone.now() - timedelta(days=365), most_denials=3) == 3
    assert {*AuditEntry.objects.values_list("actor", flat=True)} == {"2", "3", "4", "alice"}


@pytest.mark.parametrize(
    ("path", "door"),
    [
        ("/api/users", "api"),
        ("/api", "api"),
        ("/admin-ui/people/", "ui"),
        ("/ws/", "ui"),
        ("/services", "kong"),
        ("/", "kong"),
    ],
)
def test_a_path_tells_the_door(path, door):
    assert audit.via_of(path) == door
