"""One program's life under the supervisor: its process (honcho's), and when it is due again after a crash."""

from __future__ import annotations

import os
import signal
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import honcho.process

from gateway_admin.processes.programs import Program

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
STEADY_S = 30.0  # who lived that long is no crash loop: the next pause is the first one again
LAST_LINES_S = 0.5  # how long the end of a process waits for what it still printed
LEASH = str(Path(__file__).with_name("leash.py"))


class Process(honcho.process.Process):
    """honcho's process on a leash, without a shell, run in a thread of the supervisor.

    Its end is the end of the process itself: honcho waits for the end of the output, which the children of a
    killed process may hold open. The thread stays until then: the kernel ties the leash to the thread that
    forked.
    """

    def __init__(self, program: Program, **options):
        leash = (sys.executable, "-I", "-S", LEASH, str(os.getpid()), str(int(program.orphan_signal)))
        super().__init__((*leash, *program.command), name=program.name, **options)
        self._noise = program.noise

    def run(self, events=None, ignore_signals=False):
        self._events = events
        try:
            self._child = self._child_ctor(self.cmd, env=self.env, cwd=self.cwd, shell=False)
        except OSError as error:  # no memory, too many processes: an end like any other, tried again later
            self._send_message(f"cannot start: {error.strerror}")
            self._send_message({"returncode": 1}, type="stop")
            return
        self._send_message({"pid": self._child.pid}, type="start")
        reader = threading.Thread(target=self._pass_lines_on, daemon=True)
        reader.start()
        self._child.wait()
        reader.join(LAST_LINES_S)
        self._send_message({"returncode": self._child.returncode}, type="stop")

    def _pass_lines_on(self):
        with self._child.stdout as output:
            for line in output:
                if not any(part in line for part in self._noise):
                    self._send_message(line)


@dataclass
class Child:
    """The supervisor's view of one program. ``now`` is monotonic seconds."""

    program: Program
    colour: str
    alive: bool = False  # from the order to start until its end was seen
    pid: int | None = None
    starts: int = 0
    started_at: float = 0.0
    crashes: int = 0  # in a row, none of them steady
    due_at: float | None = None  # when to start it; None: it runs, or is not wanted
    kill_at: float | None = None  # set once it was told to stop
    groups: list[int] = field(default_factory=list)  # process groups of its earlier runs that may still have members

    @property
    def name(self) -> str:
        return self.program.name

    def starting(self, now: float) -> None:
        self.alive, self.starts, self.started_at, self.due_at = True, self.starts + 1, now, None

    def ended(self, now: float, wanted: bool) -> float | None:
        """Seconds until it is due again; None when it is not wanted any more."""
        if self.pid is not None:
            self.groups = [group for group in (*self.groups, self.pid) if _send(os.killpg, group, 0)]
        self.alive, self.pid, self.kill_at = False, None, None
        if not wanted:
            self.due_at = None
            return None
        if now - self.started_at >= STEADY_S:
            self.crashes = 0
        pause = min(FIRST_PAUSE_S * 2**self.crashes, LONGEST_PAUSE_S)
        self.crashes += 1
        self.due_at = now + pause
        return pause

    def terminate(self, now: float) -> None:
        """Ask this process only, not its group: the engine drains its own workers."""
        self.kill_at = now + self.program.stop_s
        _send(os.kill, self.pid, signal.SIGTERM)

    def kill(self) -> None:
        _send(os.killpg, self.pid, signal.SIGKILL)

    def signal_strays(self, number: signal.Signals) -> None:
        """What a killed process left behind, such as workers that serve on while their engine is away."""
        for group in self.groups:
            _send(os.killpg, group, number)


def how_it_ended(returncode: int) -> str:
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    return f"was killed by {signal.Signals(-returncode).name}"


def _send(send, pid: int, number: int) -> bool:
    try:
        send(pid, number)
    except ProcessLookupError:
        return False  # it ended just now; its stop message is under way
    return True
