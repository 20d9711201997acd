"""The supervisor with small shell programs in place of ours."""

import io
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest
from honcho.printer import Printer

from gateway_admin.processes.programs import Program
from gateway_admin.processes.record import Record
from gateway_admin.processes.supervisor import Supervisor
from tests.support.eventually import eventually

FOLDER = Path(__file__).resolve().parent.parent.parent.parent
DEADLINE_S = 15.0


class Rig:
    """A supervisor that the test drives round by round."""

    def __init__(self, folder: Path):
        self.folder, self.output = folder, io.StringIO()
        self.supervisor = Supervisor(
            environment=os.environ | {"FOLDER": str(folder)},
            folder=folder,
            record=Record(folder / "processes.json"),
            printer=Printer(self.output),
        )

    def add(self, name, script, *, stop_rank=0, stop_s=5.0):
        self.supervisor.add(Program(name, ("/bin/sh", "-c", script), stop_rank, stop_s))

    def until(self, done):
        def step():
            self.supervisor.step(longest_wait_s=0.02)
            return done()

        return eventually(step, within=DEADLINE_S, every=0)

    def until_said(self, text):
        self.until(lambda: text in self.output.getvalue())

    def until_stopped(self):
        self.until(lambda: not any(process["pid"] for process in self.processes().values()))

    def processes(self):
        return json.loads((self.folder / "processes.json").read_text())["processes"]

    def pid(self, name):
        return self.processes()[name]["pid"]

    def said(self):
        return [line.split("| ", 1)[1] for line in self.output.getvalue().splitlines()]


@pytest.fixture
def rig(tmp_path):
    rig = Rig(tmp_path)
    yield rig
    rig.supervisor.stop()
    rig.supervisor.post("signal", "SIGINT")
    rig.supervisor.run(lambda kind, news: None)


FOR_EVER = "while :; do sleep 1 & wait; done"


def test_output_is_prefixed_with_the_name(rig):
    rig.add("hello", f"echo here I am; {FOR_EVER}")
    rig.until_said("hello     | here I am\n")


def test_output_on_standard_error_is_shown(rig):
    rig.add("hello", f"echo trouble >&2; {FOR_EVER}")
    rig.until_said("hello     | trouble\n")


def test_a_crashed_process_is_started_again_and_that_is_said(rig):
    rig.add("clumsy", 'echo run >> "$FOLDER/runs"; exit 3')
    rig.until(lambda: (rig.folder / "runs").exists() and (rig.folder / "runs").read_text().count("run") == 3)
    words = [line.split(" after ")[0] for line in rig.said()]
    assert words[:2] == ["clumsy ended with exit code 3"] * 2
    assert rig.said()[0].endswith("starting it again in 0.2 s")
    assert rig.said()[1].endswith("starting it again in 0.4 s")


def test_processes_live_on_when_nobody_reads_the_output_any_more(rig, monkeypatch):
    def broken(*arguments):
        raise BrokenPipeError

    monkeypatch.setattr(rig.output, "write", broken)
    rig.add("talker", f'echo hello; echo more; touch "$FOLDER/said"; {FOR_EVER}')
    rig.until((rig.folder / "said").exists)
    rig.until(lambda: rig.pid("talker"))
    for _ in range(5):
        rig.supervisor.step(longest_wait_s=0.02)
    assert rig.processes()["talker"]["starts"] == 1


def test_a_killed_process_is_started_again(rig):
    rig.add("victim", f"echo up; {FOR_EVER}")
    rig.until_said("up")
    first = rig.pid("victim")
    os.kill(first, signal.SIGKILL)
    rig.until_said("victim was killed by SIGKILL")
    rig.until(lambda: rig.pid("victim") not in (None, first))
    assert rig.processes()["victim"]["starts"] == 2


def test_a_process_that_cannot_be_started_is_tried_again(rig):
    rig.supervisor.add(Program("absent", ("/nowhere/program",), stop_rank=0))
    rig.until_said("cannot start /nowhere/program: No such file or directory")
    rig.until_said("absent ended with exit code 1")


def test_the_end_of_a_process_does_not_wait_for_its_children(rig):
    """Engine workers outlive a killed engine for a while and hold its output open."""
    rig.add("parent", "sleep 60 & echo up; wait")
    rig.until_said("up")
    os.kill(rig.pid("parent"), signal.SIGKILL)
    rig.until_said("parent was killed by SIGKILL")


def test_what_a_killed_process_left_behind_is_stopped_in_the_end(rig):
    rig.add("parent", 'sleep 60 & echo $! >> "$FOLDER/child"; wait')
    child = int(rig.until(lambda: (rig.folder / "child").exists() and (rig.folder / "child").read_text().strip()))
    os.kill(rig.until(lambda: rig.pid("parent")), signal.SIGKILL)
    rig.until_said("parent was killed by SIGKILL")
    assert psutil.pid_exists(child)
    rig.supervisor.stop()
    rig.supervisor.run(lambda kind, news: None)
    eventually(lambda: not _runs(child))


def test_it_stops_rank_by_rank(rig):
    for name, rank in (("last", 2), ("first", 0), ("second", 1)):
        rig.add(name, f'trap "echo {name} >> $FOLDER/ends; exit 0" TERM; echo up; {FOR_EVER}', stop_rank=rank)
    rig.until(lambda: rig.output.getvalue().count("up\n") == 3)
    rig.supervisor.stop()
    rig.until_stopped()
    assert (rig.folder / "ends").read_text().split() == ["first", "second", "last"]


def test_a_straggler_is_killed_and_named(rig):
    rig.add("deaf", f'trap "" TERM; echo up; {FOR_EVER}', stop_s=0.3)
    rig.until_said("up")
    rig.supervisor.stop()
    rig.until_stopped()
    assert "deaf did not stop within 0.3 s: killed" in rig.said()


def test_a_second_signal_ends_everything_at_once(rig):
    rig.add("deaf", f'trap "" TERM; echo up; {FOR_EVER}', stop_s=60)
    rig.until_said("up")
    rig.supervisor.post("signal", "SIGINT")
    rig.supervisor.post("signal", "SIGINT")
    rig.until_stopped()
    assert "SIGINT again: ending everything at once" in rig.said()


def test_a_process_that_crashed_is_not_started_while_stopping(rig):
    rig.add("clumsy", "exit 1")
    rig.until_said("starting it again")
    rig.supervisor.stop()
    rig.supervisor.run(lambda kind, news: None)
    assert not (rig.folder / "processes.json").exists()


def test_its_processes_do_not_outlive_its_own_kill(tmp_path):
    script = textwrap.dedent(f"""
        from pathlib import Path
        from tests.gateway_admin.processes.test_supervisor import FOR_EVER, Rig
        rig = Rig(Path({str(tmp_path)!r}))
        rig.add("child", "echo up; " + FOR_EVER)
        rig.until_said("up")
        print(rig.pid("child"), flush=True)
        rig.supervisor.run(lambda kind, news: None)
    """)
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.PIPE, text=True) as supervisor:
        child = int(supervisor.stdout.readline())
        assert _runs(child)
        supervisor.kill()
    eventually(lambda: not _runs(child), what="the child is gone")


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
