"""Open files: how many there may be, and how many of them are for clients."""

from __future__ import annotations

import subprocess
import sys

import pytest

from proxy_engine.net import files


@pytest.mark.parametrize(
    ("limit", "room"), [(256, 192), (1024, 768), (1_048_576, 786_432), (64, 32), (40, 8), (32, 1), (3, 1)]
)
def test_a_quarter_is_kept_and_never_all(limit, room):
    assert files.room_for_clients(limit) == room


def test_the_limit_is_raised_as_far_as_the_system_allows():
    program = (
        "import resource; from proxy_engine.net import files\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, min(500, hard)))\n"
        "before = files.limit(); files.raise_limit(); print(before, files.limit())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.split() == ["64", "500"]
