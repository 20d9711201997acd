"""Start, watch, restart and stop the processes of one machine: what ``manage.py up`` does until Ctrl-C.

Built from honcho's pieces (process, printer, messages). honcho's own manager ends everything when one process
ends; this one starts it again, after a pause that grows. One thread decides everything, on messages from one
queue: lines and ends of processes, signals, news of the readiness watch.
"""

from __future__ import annotations

import datetime
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from honcho.colour import get_colours
from honcho.printer import Message, Printer

from gateway_admin.processes.child import Child, Process, how_it_ended
from gateway_admin.processes.programs import Program
from gateway_admin.processes.record import Record

OWN_NAME = "gatehouse"
LONGEST_WAIT_S = 0.5  # for a message, when nothing is due


class Supervisor:
    def __init__(self, *, environment: Mapping[str, str], folder: Path, record: Record, printer: Printer):
        self._environment, self._folder = dict(environment), str(folder)
        self._record, self._printer = record, printer
        self._printer.width = len(OWN_NAME)
        self._colours = get_colours()
        self._children: dict[str, Child] = {}
        # Unlike queue.Queue's, the put of a SimpleQueue may interrupt another one: signal handlers use it.
        self._events: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._on_news: Callable[[str, object], None] = lambda kind, news: None
        self.stopping = False

    def catch_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, frame: self.post("signal", signal.Signals(number).name))

    def add(self, program: Program) -> None:
        self._children[program.name] = Child(program, colour=next(self._colours), due_at=time.monotonic())
        self._printer.width = max(self._printer.width, len(program.name))

    def post(self, kind: str, news: object = None) -> None:
        """Hand something to the deciding thread; callable from any thread and from signal handlers."""
        self._events.put(Message(kind, news, datetime.datetime.now(), OWN_NAME, None))

    def run(self, on_news: Callable[[str, object], None]) -> None:
        """Until everything has been stopped. ``on_news`` gets what was posted, other than signals."""
        self._on_news = on_news
        while not (self.stopping and self._stopped()):
            self.step()
        for child in self._children.values():
            child.signal_strays(signal.SIGKILL)
        self._record.remove()

    def run_until(self, done: Callable[[], bool]) -> bool:
        """Watch the processes until ``done``; False when a signal came first."""
        while not self.stopping and not done():
            self.step(longest_wait_s=0.02)
        return not self.stopping

    def stop(self) -> None:
        self.stopping = True
        for child in self._children.values():
            child.due_at = None
            child.signal_strays(signal.SIGTERM)

    def say(self, text: str) -> None:
        self._print(Message("line", text, datetime.datetime.now(), OWN_NAME, None))

    def show(self, text: str) -> None:
        """Without a prefix, for people."""
        self._guarded(lambda: print(text, file=self._printer.output, flush=True))

    # One round

    def step(self, longest_wait_s: float = LONGEST_WAIT_S) -> None:
        self._start_due()
        if self.stopping:
            self._stop_next()
        try:
            message = self._events.get(timeout=min(longest_wait_s, self._seconds_to_next()))
        except queue.Empty:
            return
        self._handle(message)

    def _handle(self, message: Message) -> None:
        match message.type:
            case "line":
                self._print(message)
            case "start":
                self._children[message.name].pid = message.data["pid"]
                self._note()
            case "stop":
                self._ended(self._children[message.name], message.data["returncode"])
            case "signal":
                self._signalled(message.data)
            case kind:
                self._on_news(kind, message.data)

    def _print(self, message: Message) -> None:
        self._guarded(lambda: self._printer.write(message))

    def _guarded(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError:  # the terminal or the reader of the pipe is gone; the processes need not go with it
            self._printer.output = open(os.devnull, "w")  # noqa: SIM115 - to the end

    def _start_due(self) -> None:
        now = time.monotonic()
        for child in self._children.values():
            if child.due_at is not None and child.due_at <= now:
                child.starting(now)
                process = Process(child.program, colour=child.colour, env=self._environment, cwd=self._folder)
                threading.Thread(target=process.run, args=(self._events,), name=child.name, daemon=True).start()

    def _ended(self, child: Child, returncode: int) -> None:
        lived_s = time.monotonic() - child.started_at
        pause_s = child.ended(time.monotonic(), wanted=not self.stopping)
        if pause_s is not None:
            how = how_it_ended(returncode)
            self.say(f"{child.name} {how} after {lived_s:.1f} s; starting it again in {pause_s:.1f} s")
        self._note()

    def _signalled(self, name: str) -> None:
        if self.stopping:
            self.say(f"{name} again: ending everything at once")
            for child in self._alive():
                child.kill()
                child.signal_strays(signal.SIGKILL)
        else:
            self.say(f"{name}: stopping; once more to end everything at once")
            self.stop()

    # Stopping in order

    def _stop_next(self) -> None:
        """Terminate those whose turn it is, kill those that had their time."""
        alive, now = self._alive(), time.monotonic()
        rank = min((child.program.stop_rank for child in alive), default=None)
        for child in alive:
            if child.kill_at is None and child.program.stop_rank == rank:
                child.terminate(now)
            elif child.kill_at is not None and child.kill_at <= now:
                self.say(f"{child.name} did not stop within {child.program.stop_s:g} s: killed")
                child.kill()
                child.kill_at = now + child.program.stop_s

    def _alive(self) -> list[Child]:
        return [child for child in self._children.values() if child.alive and child.pid is not None]

    def _stopped(self) -> bool:
        return not any(child.alive for child in self._children.values())

    def _seconds_to_next(self) -> float:
        now = time.monotonic()
        moments = [m for child in self._children.values() for m in (child.due_at, child.kill_at) if m is not None]
        return max(0.0, min(moments, default=now + LONGEST_WAIT_S) - now)

    def _note(self) -> None:
        self._record.write({c.name: {"pid": c.pid, "starts": c.starts} for c in self._children.values()})
