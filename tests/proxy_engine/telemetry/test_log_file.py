"""A log file that others write to, move, delete or fill up."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from proxy_engine.telemetry.log_file import LinesLost, LogFile, StandardOutput


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "access.log"


def predecessor(path: Path) -> Path:
    return path.with_name("access.log.1")


def test_lines_are_appended(path):
    path.write_bytes(b"before\n")
    file = LogFile(path, 0)
    file.write(b"a\nb\n")
    file.write(b"c\n")

    assert path.read_bytes() == b"before\na\nb\nc\n"


def test_only_its_owner_and_group_may_read_it(path):
    LogFile(path, 0).write(b"a\n")

    assert path.stat().st_mode & 0o007 == 0


class TestMovedAway:
    def test_a_new_file_is_begun(self, path):
        file = LogFile(path, 0)
        file.write(b"a\n")
        path.rename(predecessor(path))
        file.write(b"b\n")

        assert (predecessor(path).read_bytes(), path.read_bytes()) == (b"a\n", b"b\n")

    def test_without_a_line_when_told_to_look(self, path):
        file = LogFile(path, 0)
        file.write(b"a\n")
        path.rename(predecessor(path))
        file.write(b"")

        assert path.read_bytes() == b""

    def test_the_old_one_goes_on_when_no_new_one_can_be_begun(self, path):
        file = LogFile(path, 0)
        file.write(b"a\n")
        path.rename(predecessor(path))
        path.mkdir()
        file.write(b"b\n")

        assert predecessor(path).read_bytes() == b"a\nb\n"

    def test_a_deleted_one_is_begun_anew(self, path):
        file = LogFile(path, 0)
        file.write(b"a\n")
        path.unlink()
        file.write(b"b\n")

        assert path.read_bytes() == b"b\n"

    def test_with_its_directory_deleted_lines_are_lost_aloud_until_that_is_back(self, tmp_path):
        path = tmp_path / "logs" / "access.log"
        path.parent.mkdir()
        file = LogFile(path, 0)
        file.write(b"a\n")
        path.unlink()
        path.parent.rmdir()
        for _ in range(2):
            with pytest.raises(LinesLost, match="2 lines lost: No such file or directory"):
                file.write(b"b\nc\n")
        path.parent.mkdir()
        file.write(b"d\n")

        assert path.read_bytes() == b"d\n"


class TestItsBound:
    def test_one_predecessor_is_kept(self, path):
        file = LogFile(path, 10)
        for line in (b"11111\n", b"22222\n", b"33333\n", b"4\n"):
            file.write(line)

        assert (predecessor(path).read_bytes(), path.read_bytes()) == (b"22222\n", b"33333\n4\n")
        assert len(os.listdir(path.parent)) == 2

    def test_a_batch_beyond_it_is_written_whole(self, path):
        file = LogFile(path, 10)
        file.write(b"x" * 100 + b"\n")

        assert path.stat().st_size == 101

    def test_no_bound_means_somebody_else_rotates(self, path):
        file = LogFile(path, 0)
        for _ in range(5):
            file.write(b"x" * 100_000 + b"\n")

        assert not predecessor(path).exists()

    def test_one_that_another_writer_has_moved_is_not_moved_again(self, path):
        first, second = LogFile(path, 10), LogFile(path, 10)
        first.write(b"11111\n")
        second.write(b"222\n")
        first.write(b"33333\n")
        second.write(b"44\n")

        assert (predecessor(path).read_bytes(), path.read_bytes()) == (b"11111\n222\n", b"33333\n44\n")

    def test_something_that_is_no_regular_file_has_none(self):
        file = LogFile(Path("/dev/null"), 1)
        file.write(b"a\n")
        file.write(b"b\n")

        assert Path("/dev/null").is_char_device()


def test_a_full_disk_loses_lines_aloud():
    with pytest.raises(LinesLost, match="2 lines lost: No space left on device") as caught:
        LogFile(Path("/dev/full"), 0).write(b"a\nb\n")
    assert caught.value.count == 2


def test_after_a_line_that_was_cut_short_the_next_begins_on_a_new_one(path, monkeypatch):
    file = LogFile(path, 0)
    real = os.write

    def short(fd, data):
        if len(data) <= 4:
            raise OSError(28, "No space left on device")
        return real(fd, bytes(data)[:6])

    file.write(b"")
    monkeypatch.setattr(os, "write", short)
    with pytest.raises(LinesLost) as caught:
        file.write(b"whole\ncut\n")
    monkeypatch.undo()
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:9]) if len(data) > 9 else short(fd, data))
    with pytest.raises(LinesLost):
        file.write(b"second\ncut\n")
    monkeypatch.undo()
    file.write(b"next\n")

    assert caught.value.count == 1
    assert path.read_bytes() == b"whole\nsecond\ncu\nnext\n"


def test_lines_of_several_processes_stay_whole(path):
    """… and none is lost, though the file turns over under them once."""
    program = (
        "import sys; from pathlib import Path; from proxy_engine.telemetry.log_file import LogFile\n"
        "file = LogFile(Path(sys.argv[1]), 400_000); mark = sys.argv[2].encode()\n"
        "for n in range(100): file.write(b''.join(b'%b %d %b\\n' % (mark, n * 20 + k, mark * 150) for k in range(20)))"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path), mark]) for mark in "ab"]
    assert [writer.wait(30) for writer in writers] == [0, 0]

    lines = (predecessor(path).read_bytes() + path.read_bytes()).splitlines()
    seen = {b"a": [], b"b": []}
    for line in lines:
        mark, number, filling = line.split(b" ")
        assert filling == mark * 150
        seen[mark].append(int(number))
    assert {mark: numbers == list(range(2000)) for mark, numbers in seen.items()} == {b"a": True, b"b": True}


def test_a_pipe_gets_pieces_that_cannot_be_torn(monkeypatch):
    reading, writing = os.pipe()
    monkeypatch.setattr(os, "dup", lambda fd: writing)
    lines = b"".join(b"%d " % n + b"x" * (n % 500) + b"\n" for n in range(200)) + b"y" * 9000 + b"\n"
    sizes: list[int] = []
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: (sizes.append(len(data)), real(fd, data))[1])
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(os.fdopen(reading, "rb").read()))
    reader.start()
    file = StandardOutput()
    file.write(lines)
    file.close()
    reader.join(10)

    assert got == [lines]
    assert [size for size in sizes if size > select.PIPE_BUF] == [9001]
