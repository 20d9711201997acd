"""A private PostgreSQL server, where its programs are installed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import psycopg

from tests.support.eventually import eventually
from tests.support.ports import free_port

DEBIAN = Path("/usr/lib/postgresql")
START_S = 20.0


def find_programs() -> Path | None:
    """The folder of ``initdb`` and ``postgres``. Debian keeps them off PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(DEBIAN.glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


class Postgres:
    """``with Postgres() as database: … database.url``. Its data do not survive the block."""

    def __init__(self, programs: Path):
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="pg"))  # short: the path of its socket is limited
        self._port = free_port()
        self._process: subprocess.Popen | None = None
        self._user = _unprivileged()
        if self._user:
            shutil.chown(self._folder, self._user)

    @property
    def url(self) -> str:
        return f"postgres://gatehouse@127.0.0.1:{self._port}/postgres"

    def __enter__(self) -> Self:
        self._run("initdb", "--pgdata", self._data, "--username", "gatehouse", "--auth", "trust", "--no-sync")
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        options = ("-h", "127.0.0.1", "-p", str(self._port), "-k", str(self._folder), "-F")
        self._process = subprocess.Popen(
            [self._programs / "postgres", "-D", self._data, *options],
            user=self._user,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(self._accepts, within=START_S, what="PostgreSQL accepts connections")

    def kill(self) -> None:
        """Immediate shutdown: connections are cut, and the next start recovers."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(START_S)

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _accepts(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        command = [self._programs / program, *arguments]
        subprocess.run(command, user=self._user, cwd=self._folder, check=True, capture_output=True)


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
