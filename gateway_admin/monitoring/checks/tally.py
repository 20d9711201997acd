"""What a target's checks added up to so far, between two of them: the counters of the state machine, as kept in Redis.

The database says who is marked, Redis how far the next mark is; the two are written one after the other and Redis may
lose everything. So a tally names the mark it counts from, and of two opinions the younger one holds: a tally older than
the target's mark is dropped, and counting starts from the mark.
"""

import json
from dataclasses import dataclass, replace

from gateway_admin.monitoring.actions import FIRST_CHECK, Flip
from proxy_engine.health import Counters, Health, Kind, Outcome, cause_of, observe
from proxy_engine.spec import ActiveChecks

from .marks import Mark
from .plan import Check

FAILURES = (Kind.TCP_FAILURE, Kind.HTTP_FAILURE, Kind.TIMEOUT)


@dataclass(slots=True)
class Tally:
    counters: Counters
    seq: int  # of the mark that these counters started from; 0: the target never had one
    is_first: bool = False  # that mark stands for a target that was not checked yet

    @classmethod
    def load(cls, stored: str, mark: Mark) -> "Tally":
        try:
            values = json.loads(stored) if stored else {"seq": -1}
            if values["seq"] >= mark.seq:
                return cls(Counters.from_dict(values["counters"]), values["seq"], _is_first(mark, values["seq"]))
        except (KeyError, TypeError, ValueError):
            pass  # written by another version of us: as good as lost
        health = Health.HEALTHY if mark.healthy else Health.UNHEALTHY
        return cls(Counters(health), mark.seq, _is_first(mark, mark.seq))

    def dump(self) -> str:
        """Empty when there is nothing to remember, as for nearly all targets nearly all the time."""
        if not self.seq and self.counters.health is Health.HEALTHY:
            return ""
        return json.dumps({"seq": self.seq, "counters": self.counters.to_dict()})

    def add(self, outcome: Outcome, check: Check, now: float) -> Flip | None:
        rule = _one_success(check.active) if self.is_first else check.active
        flip = observe(self.counters, outcome, rule, now)
        if flip is None:
            return None
        return Flip(
            target_id=check.target_id,
            upstream_id=check.upstream_id,
            address=check.address,
            healthy=flip.healthy,
            cause=cause_of(flip),
            judged_by=check.fingerprint,
        )


def _is_first(mark: Mark, seq: int) -> bool:
    return mark.seq == seq and mark.judged_by == FIRST_CHECK


def _one_success(active: ActiveChecks) -> ActiveChecks:
    return replace(active, healthy=replace(active.healthy, successes=1))
