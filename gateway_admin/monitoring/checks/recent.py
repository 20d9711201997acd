"""The last checks of each target: what was asked when, how long it took, what came of it, and what it counts as.

Observation, not history: a list per target in Redis, newest first, bounded and gone after a day. It is written with the
tally, by the check that holds the lease (``tallies``), so it costs no call of its own.
"""

import json
from collections.abc import Iterable
from typing import NamedTuple

import redis

from proxy_engine.health import Kind, Outcome, interpret, outcome_text
from proxy_engine.spec import ActiveChecks

MOST = 20  # of a target
KEPT_S = 86_400  # after the last of them

SUCCESS, FAILURE, NEITHER = "success", "failure", "ignored"


class Probe(NamedTuple):
    """``counts_as``: ignored where the status is in neither of the lists."""

    at_ms: int  # unix time of its begin
    took_ms: int
    counts_as: str
    text: str  # "200", "timeout after 1 s", "connection refused"


def key_of(target_id: str) -> str:
    return f"{{gatehouse:checks}}:probes:{target_id}"


def dumped(outcome: Outcome | None, active: ActiveChecks, began_ms: int, ended_ms: int) -> str:
    """Empty for a check that nothing came of."""
    if outcome is None:
        return ""
    kind = interpret(outcome, active)
    counts_as = NEITHER if kind is None else SUCCESS if kind is Kind.SUCCESS else FAILURE
    probe = Probe(began_ms, max(0, ended_ms - began_ms), counts_as, outcome_text(outcome))
    return json.dumps(probe, separators=(",", ":"))


def read_probes(client: redis.Redis, target_ids: Iterable[str]) -> dict[str, list[Probe]]:
    """Newest first; none of a target that is not checked. One call. Raises ``redis.RedisError``."""
    target_ids = list(target_ids)
    calls = client.pipeline(transaction=False)
    for target_id in target_ids:
        calls.lrange(key_of(target_id), 0, MOST - 1)
    return {
        target_id: [Probe(*json.loads(line)) for line in lines]
        for target_id, lines in zip(target_ids, calls.execute(), strict=True)
    }
