"""Workers of a dead supervisor are found by the file it left, and only they are ended."""

import subprocess
import sys
from pathlib import Path

import pytest

from proxy_engine.workers import orphans
from tests.support.eventually import eventually

SLEEPER = "import time; time.sleep(60)"


@pytest.fixture
def start():
    started = []

    def start(*arguments):
        process = subprocess.Popen([sys.executable, "-c", SLEEPER, *arguments])
        started.append(process)
        command_line = Path(f"/proc/{process.pid}/cmdline")
        eventually(command_line.read_bytes, within=5, what="the kernel shows its command line")
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


async def test_it_finds_and_ends_the_workers_of_the_file(tmp_path, start):
    worker = start("proxy_engine.workers.worker")
    orphans.remember(tmp_path, [worker.pid])
    assert orphans.left_behind(tmp_path) == [worker.pid]
    await orphans.end([worker.pid])
    assert worker.wait(5) != 0


def test_a_pid_with_another_owner_is_left_alone(tmp_path, start):
    orphans.remember(tmp_path, [start().pid])
    assert orphans.left_behind(tmp_path) == []


def test_a_worker_that_is_gone_is_not_looked_for(tmp_path, start):
    worker = start("proxy_engine.workers.worker")
    orphans.remember(tmp_path, [worker.pid])
    worker.kill()
    worker.wait()
    assert orphans.left_behind(tmp_path) == []


@pytest.mark.parametrize("text", ["", "no json", '["x", null]'])
def test_a_damaged_file_names_nobody(tmp_path, text):
    (tmp_path / orphans.FILE_NAME).write_text(text)
    assert orphans.left_behind(tmp_path) == []


def test_a_missing_file_names_nobody(tmp_path):
    assert orphans.left_behind(tmp_path) == []
