"""What is allowed and yet does not do what it looks like: checks that run but cannot act, settings without effect.

Kong's thresholds are all 0 by default, which means "never". A dashboard that shows a filled-in interval next to a
threshold of 0 as if it were a working check would lie.
"""

from collections.abc import Iterable, Mapping

FAILURES = ("http_failures", "tcp_failures", "timeouts")


def hints(kind: str, values: Mapping) -> dict[str, str]:
    """Path of the field → what to know. ``values`` must be well-formed (``spec.check`` found nothing)."""
    return dict(_HINTS[kind](values)) if kind in _HINTS else {}


def _upstream_hints(values: Mapping) -> Iterable[tuple[str, str]]:
    checks = values["healthchecks"]
    yield from _active_hints(checks["active"])
    yield from _passive_hints(checks["active"], checks["passive"])
    yield from _hash_hints(values)


def _active_hints(active: Mapping) -> Iterable[tuple[str, str]]:
    at = "healthchecks.active."
    healthy, unhealthy = active["healthy"], active["unhealthy"]
    if not healthy["interval"]:
        if _counts_failures(unhealthy):
            yield f"{at}healthy.interval", "0 checks nothing: the failure counts below have no effect."
    elif not _counts_failures(unhealthy):
        yield f"{at}healthy.interval", "Checks run but can never take a target out: each failure count is 0."
    if unhealthy["interval"] and not healthy["successes"]:
        yield f"{at}healthy.successes", "0 means never: checks cannot bring an unhealthy target back."
    if healthy["interval"] and _counts_failures(unhealthy) and not unhealthy["interval"]:
        yield f"{at}unhealthy.interval", "0 checks nothing: a target that became unhealthy stays out."
    if active["type"] == "tcp" and unhealthy["http_failures"]:
        yield f"{at}unhealthy.http_failures", "No effect: a tcp check sees no status."


def _passive_hints(active: Mapping, passive: Mapping) -> Iterable[tuple[str, str]]:
    returns = active["unhealthy"]["interval"] and active["healthy"]["successes"]
    if _counts_failures(passive["unhealthy"]) and not returns:
        yield (
            "healthchecks.passive.unhealthy.http_failures",
            "A target taken out gets no requests that could bring it back: let active checks do that.",
        )


def _counts_failures(rule: Mapping) -> bool:
    return any(rule[name] for name in FAILURES)


def _hash_hints(values: Mapping) -> Iterable[tuple[str, str]]:
    hashes = values["algorithm"] == "consistent-hashing"
    if hashes and values["hash_on"] == "none":
        yield "algorithm", "Nothing to hash: every request goes to the same target until “Hash on” is set."
    if not hashes and values["hash_on"] != "none":
        yield "hash_on", f"No effect: the algorithm is {values['algorithm']}."


def _service_hints(values: Mapping) -> Iterable[tuple[str, str]]:
    if not values["enabled"]:
        yield "enabled", "Its routes match nothing while it is off."


def _target_hints(values: Mapping) -> Iterable[tuple[str, str]]:
    if values["weight"] == 0:
        yield "weight", "0 gets no traffic."


_HINTS = {"upstreams": _upstream_hints, "services": _service_hints, "targets": _target_hints}
