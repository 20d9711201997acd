"""Is it ready? Asked from outside, as a client would, until every answer is yes."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from proxy_engine.net.listen import Listen

PAUSE_S = 0.05
ANSWER_TIMEOUT_S = 2.0
PATIENCE_S = 60.0

Checks = Mapping[str, Callable[[], bool]]


def reachable(address: Listen) -> Listen:
    """Where a client on this machine finds it: nobody connects to "every address"."""
    return address._replace(host={"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host))


def answers_ok(address: Listen, path: str, *, host: str | None = None) -> bool:
    """``host``: the name to ask for, where the server answers to certain names only."""
    connection = http.client.HTTPConnection(*reachable(address), timeout=ANSWER_TIMEOUT_S)
    try:
        connection.request("GET", path, headers={"Host": host or str(address)})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def watch(checks: Checks, post: Callable[[str, object], None]) -> None:
    """In a thread: posts "ready" once all have passed, and "late" with those that have not, each minute."""
    threading.Thread(target=_watch, args=(dict(checks), post), name="readiness", daemon=True).start()


def _watch(waiting: dict[str, Callable[[], bool]], post: Callable[[str, object], None]) -> None:
    late_at = time.monotonic() + PATIENCE_S
    while waiting:
        for name in _passing(waiting):
            del waiting[name]
        if waiting and time.monotonic() >= late_at:
            post("late", sorted(waiting))
            late_at += PATIENCE_S
        time.sleep(PAUSE_S if waiting else 0)
    post("ready", None)


def _passing(checks: Checks) -> Iterable[str]:
    return [name for name, passes in checks.items() if passes()]
