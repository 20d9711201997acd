"""Lines reach the file in a thread; the event loop never waits for them."""

from __future__ import annotations

import threading
import time

from proxy_engine.telemetry import log_writer
from proxy_engine.telemetry.log_file import LinesLost, LogFile
from proxy_engine.telemetry.log_writer import LogWriter


class Disk:
    """Holds up who writes until it is told to go on; ``ails``: why nothing can be written."""

    path = "/log"

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.ails = ""
        self.written: list[bytes] = []
        self.was_closed = False

    def write(self, lines: bytes) -> None:
        assert self.may_go_on.wait(10)
        if self.ails:
            raise LinesLost(lines.count(b"\n"), self.ails)
        self.written.append(lines)

    def close(self) -> None:
        self.was_closed = True


def wait_for_it(writer: LogWriter) -> None:
    deadline = time.monotonic() + 10
    while writer.waiting_bytes:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_the_end_waits_for_what_is_under_way(tmp_path):
    writer = LogWriter(LogFile(tmp_path / "log", 0))
    for number in range(100):
        writer.put(b"%d\n" % number, 1)
    writer.close()

    assert (tmp_path / "log").read_bytes().split() == [b"%d" % number for number in range(100)]
    assert (writer.lines, writer.lost, writer.take_notices()) == (100, 0, [])


def test_a_disk_that_hangs_holds_up_nobody_and_what_is_too_much_is_counted(monkeypatch):
    monkeypatch.setattr(log_writer, "MAX_WAITING", 10)
    disk = Disk()
    writer = LogWriter(disk)
    for line in (b"1234\n", b"5678\n", b"too\nmuch\n", b"x\n"):
        writer.put(line, line.count(b"\n"))

    assert (writer.lines, writer.lost) == (5, 3)
    assert writer.take_notices() == ["access log: /log takes lines slower than they come; some are lost"]
    disk.may_go_on.set()
    wait_for_it(writer)
    writer.put(b"y\n", 1)
    writer.close()
    assert disk.written == [b"1234\n", b"5678\n", b"y\n"]
    assert disk.was_closed


def test_a_disk_that_hangs_does_not_keep_the_process(monkeypatch):
    monkeypatch.setattr(log_writer, "CLOSE_TIMEOUT_S", 0.01)
    disk = Disk()
    writer = LogWriter(disk)
    writer.put(b"x\n", 1)
    began = time.monotonic()
    writer.close()

    assert time.monotonic() - began < 5
    disk.may_go_on.set()


def test_trouble_is_said_once_and_so_is_its_end():
    disk = Disk()
    disk.may_go_on.set()
    disk.ails = "No space left on device"
    writer = LogWriter(disk)
    for _ in range(3):
        writer.put(b"x\nx\n", 2)
    wait_for_it(writer)
    assert writer.take_notices() == ["access log: cannot write /log: No space left on device; lines are lost meanwhile"]

    disk.ails = ""
    writer.put(b"y\n", 1)
    writer.put(b"z\n", 1)
    writer.close()

    assert writer.take_notices() == ["access log: /log is written again; 6 lines were lost"]
    assert (writer.lines, writer.lost, disk.written) == (8, 6, [b"y\n", b"z\n"])
