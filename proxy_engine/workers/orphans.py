"""Workers of a supervisor that died: found by the file it left, ended once their successors serve.

They go on serving for a while so that no request fails, but with the configuration they had. As soon as the new workers
accept clients on the same addresses, the old ones must go, or a client could be answered by an edit's past.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

FILE_NAME = "engine-workers.json"
END_S = 2.0  # to wait for them; those that finish long answers take no new requests meanwhile


def remember(directory: Path, pids: list[int]) -> None:
    """Raises OSError."""
    (directory / FILE_NAME).write_text(json.dumps(pids))


def left_behind(directory: Path) -> list[int]:
    """Those of the file that still run, and are workers: a PID may have found another owner meanwhile."""
    try:
        pids = json.loads((directory / FILE_NAME).read_text())
    except (OSError, ValueError):
        return []
    return [pid for pid in pids if isinstance(pid, int) and _is_worker(pid)]


def _is_worker(pid: int) -> bool:
    try:
        return b"proxy_engine.workers.worker" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


async def end(pids: list[int]) -> None:
    """Have them drain. Returns when they are gone, after ``END_S`` at the latest."""
    try:
        async with asyncio.timeout(END_S):
            await asyncio.gather(*map(_end, pids))
    except TimeoutError:
        pass  # they finish what they have and take nothing new


async def _end(pid: int) -> None:
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return  # gone already
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        loop.add_reader(handle, gone.set)
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        await gone.wait()
    except ProcessLookupError:
        pass
    finally:
        loop.remove_reader(handle)
        os.close(handle)
