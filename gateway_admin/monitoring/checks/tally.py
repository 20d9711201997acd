"""What a target's checks added up to so far, between two of them: the counters of the state machine, as kept in Redis.

The database says who is marked, Redis how far the next mark is; the two are written one after the other and Redis may
lose everything. So a tally names the mark it counts from, and of two opinions the younger one holds: a tally older than
the target's mark is dropped, and counting starts from the mark.
"""

import json
from dataclasses import dataclass

from gateway_admin.monitoring.actions import Flip
from proxy_engine.health import Counters, Health, Kind, Outcome, cause_of, observe

from .marks import Mark
from .plan import Check

FAILURES = (Kind.TCP_FAILURE, Kind.HTTP_FAILURE, Kind.TIMEOUT)


@dataclass(slots=True)
class Tally:
    counters: Counters
    seq: int  # of the mark that these counters started from; 0: the target never had one

    @classmethod
    def load(cls, stored: str, mark: Mark) -> "Tally":
        try:
            values = json.loads(stored) if stored else {"seq": -1}
            if values["seq"] >= mark.seq:
                return cls(Counters.from_dict(values["counters"]), values["seq"])
        except (KeyError, TypeError, ValueError):
            pass  # written by another version of us: as good as lost
        return cls(Counters(Health.HEALTHY if mark.healthy else Health.UNHEALTHY), mark.seq)

    def dump(self) -> str:
        """Empty when there is nothing to remember, as for nearly all targets nearly all the time."""
        if not self.seq and self.counters.health is Health.HEALTHY:
            return ""
        return json.dumps({"seq": self.seq, "counters": self.counters.to_dict()})

    def add(self, outcome: Outcome, check: Check, now: float) -> Flip | None:
        flip = observe(self.counters, outcome, check.active, now)
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
