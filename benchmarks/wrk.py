"""wrk as the load generator: its command, its scripts, and what it prints, read.

wrk is closed-loop: each connection asks again when it was answered. That suits CPU per request, where the server shall
be busy all the time; its latencies only say how long the queue was, and are not reported.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import output_of

_DONE = re.compile(r"(\d+) requests in ")

NINE_HEADERS = """
wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140"
wrk.headers["Accept"] = "application/json, text/plain, */*"
wrk.headers["Accept-Encoding"] = "gzip, deflate, br"
wrk.headers["Accept-Language"] = "en-GB,en;q=0.9,de;q=0.8"
wrk.headers["Authorization"] = "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"
wrk.headers["Cookie"] = "session=0123456789abcdef0123456789abcdef; theme=dark; consent=1"
wrk.headers["X-Trace"] = "5f2b7c1e-8d0a-4c3b-9e6f-1a2b3c4d5e6f"
wrk.headers["Cache-Control"] = "no-cache"
"""

DIFFERENT_EACH_TIME = (
    NINE_HEADERS
    + """
local n = 0
request = function()
  n = n + 1
  wrk.headers["X-Trace"] = string.format("5f2b7c1e-8d0a-4c3b-9e6f-%012d", n)
  return wrk.format("GET", wrk.path .. "/" .. n)
end
"""
)
POST_4K = 'wrk.method = "POST"\nwrk.body = string.rep("p", 4096)\n'

# wrk frames bodies by their length, so the request is written out: four chunks of 1 KiB.
CHUNKED = """
init = function(args)
  wrk.headers["Transfer-Encoding"] = "chunked"
  wrk.headers["Host"] = wrk.host .. ":" .. wrk.port
  local chunk = "400\\r\\n" .. string.rep("p", 1024) .. "\\r\\n"
  local raw = wrk.format("POST") .. string.rep(chunk, 4) .. "0\\r\\n\\r\\n"
  request = function() return raw end
end
"""
NEW_CONNECTION = 'wrk.headers["Connection"] = "close"\n'


@dataclass(frozen=True)
class Load:
    """Requests to ``path`` on ``connections``, as ``script`` (in Lua) makes them."""

    path: str
    script: str = ""
    connections: int = 64


def run(load: Load, port: int, seconds: int, directory: Path) -> int:
    """How many requests were answered. Raises RuntimeError when a single one failed: a server that refuses is cheap."""
    script = directory / "load.lua"
    script.write_text(load.script)
    command = ["wrk", "-t1", f"-c{load.connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script)]
    return read(output_of([*command, f"http://127.0.0.1:{port}{load.path}"], seconds=seconds))


def read(output: str) -> int:
    """The count in what wrk printed."""
    found = _DONE.search(output)
    if "Non-2xx" in output or "Socket errors" in output or found is None or int(found[1]) == 0:
        raise RuntimeError(f"requests failed\n{output}")
    return int(found[1])
