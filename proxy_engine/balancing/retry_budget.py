"""How many further tries an upstream may have under way at once: Envoy's retry budget.

When targets fail by the dozen, each request that is tried five times over multiplies the load on those that still
work. A budget lets further tries be a share of the requests under way and no more, while a few are always allowed.
(Envoy: ``RetryBudget`` of a cluster's circuit breakers, source/common/upstream/resource_manager_impl.h.)
"""

from __future__ import annotations

from proxy_engine.spec import RetryRules


class RetryBudget:
    """Of one upstream, in one process. It outlives configurations, ``rules`` do not.

    What is counted is exchanges on a further try: one that tries for the third time holds the place it got for the
    second. ``enter`` and ``leave`` come in pairs, around all from the first further try to the end of the exchange.
    """

    __slots__ = ("rules", "under_way")

    def __init__(self, rules: RetryRules) -> None:
        self.rules = rules
        self.under_way = 0

    def __repr__(self) -> str:
        return f"<RetryBudget {self.under_way} under way, {self.rules.budget:g} %, at least {self.rules.budget_min}>"

    def has_room(self, requests: int) -> bool:
        """For one more, while ``requests`` are under way, those on a further try among them."""
        return self.under_way < max(int(requests * self.rules.budget / 100), self.rules.budget_min)

    def enter(self) -> None:
        self.under_way += 1

    def leave(self) -> None:
        self.under_way -= 1
