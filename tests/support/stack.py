"""The whole gateway as a stranger would start it: ``manage.py up`` on free ports, with a data directory of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.support.client import Answer, Api, request
from tests.support.eventually import eventually
from tests.support.ports import free_ports

FOLDER = Path(__file__).resolve().parent.parent.parent
START_S = 60.0
STOP_S = 45.0
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")


class Stack:
    """Not started by the constructor, and may be started again after a stop: what it stored is still there."""

    def __init__(self, data_dir: Path, *, workers: int = 1, arguments: tuple[str, ...] = (), **settings: str):
        admin, proxy, status = free_ports(3)
        self.data_dir = data_dir
        self.admin, self.proxy, self.status = (f"http://127.0.0.1:{port}" for port in (admin, proxy, status))
        self.arguments = arguments
        self.environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {
            "GATEWAY_DATA_DIR": str(data_dir),
            "GATEWAY_ADMIN_LISTEN": f"127.0.0.1:{admin}",
            "GATEWAY_PROXY_LISTEN": f"127.0.0.1:{proxy}",
            "GATEWAY_STATUS_LISTEN": f"127.0.0.1:{status}",
            "GATEWAY_WORKERS": str(workers),
            **settings,
        }
        self.log = data_dir.parent / f"{data_dir.name}.log"
        self.password = self.token = ""
        self.process: subprocess.Popen | None = None
        self._log_from = 0  # where the output of the current start begins

    # Starting and stopping

    def start(self, *, wait: bool = True) -> None:
        self._log_from = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", *self.arguments],
                cwd=FOLDER,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        try:
            eventually(self._is_ready, within=START_S, what="the stack is ready")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.output()}") from None
        self.password = self._shown("Password") or self.password
        self.token = self._shown("API token") or self.token

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """As Ctrl-C does; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(STOP_S)

    def destroy(self) -> None:
        """Whatever state it is in: nothing of it is left."""
        if self.process is None:
            return
        family = self.family()
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for member in family:
            if member.is_running():
                member.kill()

    def run(self, *arguments: str, timeout: float = START_S, **settings: str) -> subprocess.CompletedProcess:
        """Another ``manage.py`` command in the same environment."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=FOLDER,
            env=self.environment | settings,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    # What it says

    def output(self) -> str:
        """Of the current start."""
        with self.log.open("rb") as log:
            log.seek(self._log_from)
            return log.read().decode(errors="replace")

    def _is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"ended with {self.process.returncode} before it was ready:\n{self.output()}")
        return "Gatehouse is ready." in self.output()

    def _shown(self, what: str) -> str | None:
        found = re.search(rf"^ +{what} +(\S+) +\(shown this once\)$", self.output(), re.MULTILINE)
        return found and found[1]

    # Its processes

    def processes(self) -> Mapping[str, dict]:
        return json.loads((self.data_dir / "processes.json").read_text())["processes"]

    def pid(self, name: str) -> int:
        return eventually(lambda: self.processes().get(name, {}).get("pid"), within=15, what=f"{name} runs")

    def worker_pids(self) -> list[int]:
        """Of the engine, not of Celery."""
        return sorted(child.pid for child in psutil.Process(self.pid("engine")).children())

    def family(self) -> list[psutil.Process]:
        """Everything the supervisor has started, down to the workers."""
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def kill(self, name: str) -> int:
        """``kill -9``; returns the PID that is no more."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_back(self, name: str, old_pid: int, *, within: float = 15.0) -> int:
        eventually(lambda: self.pid(name) != old_pid, within=within, what=f"{name} is back")
        return self.pid(name)

    # Talking to it

    @property
    def api(self) -> Api:
        return Api(self.admin, self.token)

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        """Through the gateway, on a connection of its own."""
        return request("GET", self.proxy + path, headers=headers)

    def answers_again(self, *, within: float = 30.0) -> None:
        """The dashboard does."""
        eventually(
            lambda: request("GET", f"{self.admin}/healthz").status == 200, within=within, what="the dashboard answers"
        )
