"""How many files this process may have open, and how many of them clients may take."""

from __future__ import annotations

import resource

MOST = 1_048_576  # nobody serves more clients with one process; "unlimited" counts as this
KEPT_SHARE = 4  # a quarter is kept for connections to targets …
KEPT_AT_LEAST = 32  # … and for the worker's own: listeners, its link, logs, name servers


def raise_limit() -> None:
    """To as many as the system lets us have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def limit() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else min(soft, MOST)


def room_for_clients(files: int) -> int:
    """HAProxy counts two files for each client and halves its limit; most of ours wait idle and have no target."""
    return max(1, files - max(files // KEPT_SHARE, KEPT_AT_LEAST))
