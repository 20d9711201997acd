"""The supervisor's copy of the configuration, in memory and on disk."""

from __future__ import annotations

import json
import stat

import pytest

from proxy_engine.sources import ChangeRow, HealthFact, Snapshot
from proxy_engine.workers import mirror
from proxy_engine.workers.mirror import FILE_NAME, Mirror
from tests.proxy_engine.builders import an_id, values


def a_fact(number: int, *, healthy: bool = False) -> HealthFact:
    return HealthFact(an_id(number), healthy, "timeout", 1_700_000_000.0)


def a_snapshot(version: int = 3) -> Snapshot:
    target, service = values("targets", id=an_id(1)), values("services", id=an_id(2))
    return Snapshot(version, {"targets": [target], "services": [service]}, [a_fact(1)], 5)


@pytest.fixture
def copy():
    copy = Mirror()
    copy.replace(a_snapshot())
    return copy


def test_it_has_no_version_before_the_first_snapshot():
    assert Mirror().version == -1
    assert Mirror().counts() == {}


def test_it_gives_back_the_snapshot_it_was_given(copy):
    assert copy.snapshot() == a_snapshot()
    assert copy.counts() == {"targets": 1, "services": 1}


def test_a_snapshot_replaces_everything(copy):
    copy.replace(Snapshot(9, {"routes": []}))
    assert copy.snapshot() == Snapshot(9, {"routes": []}, [], 0)


def test_changes_bring_replace_and_remove_entities(copy):
    other = values("services", id=an_id(4), host="other.test")
    changed = values("services", id=an_id(2), host="changed.test")
    copy.apply([ChangeRow(4, "services", an_id(4), other), ChangeRow(5, "services", an_id(2), changed)])
    assert copy.entities["services"] == {an_id(2): changed, an_id(4): other}
    copy.apply([ChangeRow(6, "services", an_id(2), None), ChangeRow(7, "services", an_id(4), None)])
    assert copy.counts()["services"] == 0
    assert copy.version == 7


def test_removing_what_is_not_there_does_no_harm(copy):
    copy.apply([ChangeRow(4, "services", an_id(99), None), ChangeRow(5, "plugins", an_id(98), None)])
    assert copy.version == 5


def test_kinds_of_a_newer_control_plane_are_kept_for_newer_workers(copy):
    copy.apply([ChangeRow(4, "plugins", an_id(8), {"id": an_id(8)})])
    assert copy.snapshot().entities["plugins"] == [{"id": an_id(8)}]


def test_the_health_of_a_removed_target_goes_with_it(copy):
    copy.apply([ChangeRow(4, "targets", an_id(1), None)])
    assert copy.snapshot().health == []


def test_newer_health_replaces_older(copy):
    copy.set_health(8, [a_fact(1, healthy=True), a_fact(7), a_fact(7, healthy=True)])
    assert copy.health_seq == 8
    assert copy.snapshot().health == [a_fact(1, healthy=True), a_fact(7, healthy=True)]


# -- on disk --------------------------------------------------------------------------------------


def test_what_was_written_is_read(tmp_path):
    mirror.write(a_snapshot(), tmp_path)
    assert mirror.read(tmp_path) == a_snapshot()


def test_the_newer_file_replaces_the_older(tmp_path):
    mirror.write(a_snapshot(3), tmp_path)
    mirror.write(a_snapshot(4), tmp_path)
    assert mirror.read(tmp_path).version == 4
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_only_the_engine_may_read_it(tmp_path):
    mirror.write(a_snapshot(), tmp_path)
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_an_interrupted_write_leaves_the_older_file(tmp_path):
    mirror.write(a_snapshot(), tmp_path)
    (tmp_path / FILE_NAME).with_suffix(".new").write_text('{"version": 4, "enti')
    assert mirror.read(tmp_path) == a_snapshot()
    mirror.write(a_snapshot(5), tmp_path)
    assert mirror.read(tmp_path).version == 5


def test_a_snapshot_that_cannot_be_written_leaves_the_older_file(tmp_path):
    mirror.write(a_snapshot(), tmp_path)
    with pytest.raises(TypeError):
        mirror.write(Snapshot(4, {"services": [{"id": object()}]}), tmp_path)
    assert mirror.read(tmp_path) == a_snapshot()


def test_a_missing_directory_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        mirror.write(a_snapshot(), tmp_path / "missing")
    assert mirror.read(tmp_path / "missing") is None


TOO_SHORT = json.dumps({"version": 1, "entities": {}, "health": [["too short"]], "health_seq": 0}).encode()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"5", b"{}", b"\xff\xfe", b'{"version": 1}', b"[" * 100, TOO_SHORT]
)
def test_a_file_that_is_no_snapshot_is_none(tmp_path, content):
    (tmp_path / FILE_NAME).write_bytes(content)
    assert mirror.read(tmp_path) is None


def test_every_cut_of_the_file_is_none(tmp_path):
    mirror.write(a_snapshot(), tmp_path)
    whole = (tmp_path / FILE_NAME).read_bytes()
    for at in range(0, len(whole), 7):
        (tmp_path / FILE_NAME).write_bytes(whole[:at])
        assert mirror.read(tmp_path) is None
