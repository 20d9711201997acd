"""What is allowed and yet does not do what it looks like: checks that run but cannot act, settings without effect.

Kong's thresholds are all 0 by default, which means "never". A dashboard that shows a filled-in interval next to a
threshold of 0 as if it were a working check would lie.
"""

from collections.abc import Iterable, Mapping

from gateway_admin.catalog.neighbours import NONE, Neighbours, ServiceTimes
from proxy_engine import spec
from proxy_engine.spec.build import healthchecks

FAILURES = ("http_failures", "tcp_failures", "timeouts")
TIMEOUTS = ("connect_timeout", "write_timeout", "read_timeout")

Hints = Iterable[tuple[str, str]]


def hints(kind: str, values: Mapping, around: Neighbours = NONE) -> dict[str, str]:
    """Path of the field → what to know. ``values`` must be well-formed (``spec.check`` found nothing)."""
    return dict(_HINTS[kind](values, around)) if kind in _HINTS else {}


def _upstream_hints(values: Mapping, around: Neighbours) -> Hints:
    checks = values["healthchecks"]
    yield from _active_hints(checks["active"])
    yield from _probe_hints(checks["active"], values["probe"])
    yield from _passive_hints(checks["active"], checks["passive"])
    yield from _all_unhealthy_hints(values)
    yield from _slow_start_hints(values["slow_start"])
    yield from _breaker_hints(values["circuit_breaker"], around.in_use)
    yield from _retry_hints(values["retry"], around.services)
    yield from _time_hints(values, around.services)
    yield from _connection_hints(values["connections"])
    yield from _hash_hints(values)


def _active_hints(active: Mapping) -> Hints:
    at = "healthchecks.active."
    healthy, unhealthy = active["healthy"], active["unhealthy"]
    if not healthy["interval"]:
        if _counts_failures(unhealthy):
            yield f"{at}healthy.interval", "0 checks nothing: the failure counts below have no effect."
    elif not _counts_failures(unhealthy):
        yield f"{at}healthy.interval", "Off: checks run but can never take a target out, each failure count is 0."
    if unhealthy["interval"] and not healthy["successes"]:
        yield f"{at}healthy.successes", "0 means never: checks cannot bring an unhealthy target back."
    if healthy["interval"] and _counts_failures(unhealthy) and not unhealthy["interval"]:
        yield f"{at}unhealthy.interval", "0 checks nothing: a target that became unhealthy stays out."
    if active["type"] == "tcp" and unhealthy["http_failures"]:
        yield f"{at}unhealthy.http_failures", "No effect: a tcp check sees no status."
    if active["type"] in ("http", "https"):
        yield from _status_hints(at, healthy, unhealthy)


def _status_hints(at: str, healthy: Mapping, unhealthy: Mapping) -> Hints:
    if unhealthy["http_failures"] and not unhealthy["http_statuses"]:
        yield f"{at}unhealthy.http_statuses", "None: no status counts as failure, only an answer that cannot be read."
    if healthy["successes"] and not healthy["http_statuses"]:
        yield f"{at}healthy.http_statuses", "None: no status counts as success, so nothing brings a target back."


_OF_HTTP = ("method", "body", "contains", "matches", "json")


def _probe_hints(active: Mapping, probe: Mapping) -> Hints:
    kind, is_http = active["type"], active["type"] in ("http", "https")
    for name in _OF_HTTP if not is_http else ():
        if _differs("probe", probe, name):
            yield f"probe.{name}", f"No effect: a {kind} check sends no HTTP request of its own."
    if kind == "tcp" and probe["host"]:
        yield "probe.host", "No effect: a tcp check only connects."
    if probe["grpc_service"] and kind not in ("grpc", "grpcs"):
        yield "probe.grpc_service", f"No effect: the checks are of the type {kind}."
    if is_http and probe["method"] == "HEAD" and any(probe[name] for name in ("contains", "matches", "json")):
        yield "probe.method", "The answer to HEAD has no body: the checks can only fail."
    if probe["start_unhealthy"] and not (active["unhealthy"]["interval"] and active["healthy"]["successes"]):
        yield "probe.start_unhealthy", "No effect: no check could let a target in."


def _passive_hints(active: Mapping, passive: Mapping) -> Hints:
    returns = active["unhealthy"]["interval"] and active["healthy"]["successes"]
    if _counts_failures(passive["unhealthy"]) and not returns:
        yield (
            "healthchecks.passive.unhealthy.http_failures",
            "A target taken out gets no requests that could bring it back: let active checks do that.",
        )
    if passive["unhealthy"]["http_failures"] and not passive["unhealthy"]["http_statuses"]:
        yield "healthchecks.passive.unhealthy.http_statuses", "None: no status counts as failure."


def _counts_failures(rule: Mapping) -> bool:
    return any(rule[name] for name in FAILURES)


def _all_unhealthy_hints(values: Mapping) -> Hints:
    choice, threshold = values["when_all_unhealthy"], values["healthchecks"]["threshold"]
    if choice != "refuse" and not _can_lose_targets(values):
        yield "when_all_unhealthy", "No effect: neither a health check nor a circuit breaker takes a target out."
    if choice != "threshold":
        if values["panic_threshold"] != spec.KINDS["upstreams"].fields["panic_threshold"].default:
            yield "panic_threshold", f"No effect: with {choice} there is no panic threshold."
    elif values["panic_threshold"] <= threshold:
        yield "panic_threshold", f"No effect: at {threshold:g} % or less all targets are used in any case."


def _slow_start_hints(rule: Mapping) -> Hints:
    if not rule["window"]:
        if _differs("slow_start", rule):
            yield "slow_start.window", "0 means off: the settings below have no effect."
    elif rule["min_share"] >= 100:
        yield "slow_start.min_share", "100 % is the full share from the beginning: slow start has no effect."


def _can_lose_targets(values: Mapping) -> bool:
    return healthchecks(values["healthchecks"]).can_judge or _breaks(values["circuit_breaker"])


def _breaks(breaker: Mapping) -> bool:
    return bool(breaker["consecutive_failures"] or breaker["failure_percentage"])


def _breaker_hints(breaker: Mapping, in_use: int) -> Hints:
    at = "circuit_breaker."
    if not _breaks(breaker):
        if _differs("circuit_breaker", breaker):
            yield f"{at}consecutive_failures", "Off: without a count or a share the settings below have no effect."
        return
    if not breaker["max_ejected"]:
        yield f"{at}max_ejected", "0 % of the targets: the breaker can never eject one."
    elif in_use == 1 and breaker["max_ejected"] < 100:
        yield f"{at}max_ejected", "Of a single target less than 100 % is none: the breaker cannot eject it."
    if not breaker["failure_percentage"] and _differs("circuit_breaker", breaker, "minimum_requests", "window"):
        yield f"{at}failure_percentage", "0 means never: the window and its least number of requests have no effect."


def _retry_hints(retry: Mapping, services: Iterable[ServiceTimes]) -> Hints:
    at = "retry."
    rules = [name for name in ("statuses", "on_read_timeout") if retry[name]]
    without = [service.label for service in services if not service.retries]
    if rules and without:
        yield f"{at}{rules[0]}", f"No effect for {_named(without)}: 0 retries there."
    if retry["backoff"] and not rules:
        yield f"{at}backoff", "Only failed connections wait for it: no status and no read timeout is tried again."
    if retry["backoff"] > retry["max_backoff"]:
        yield f"{at}max_backoff", f"Shorter than the first wait: every wait is {retry['max_backoff']} ms."
    if not retry["budget"] and _differs("retry", retry, "budget_min"):
        yield f"{at}budget_min", "No effect: without a budget any number is allowed."


def _time_hints(values: Mapping, services: Iterable[ServiceTimes]) -> Hints:
    """A total shorter than one try to connect leaves no time for another target."""
    total, connect = values["retry"]["total_timeout"], values["connections"]["connect_timeout"]
    if not total:
        return
    if connect is None:
        longest = max(services, key=lambda service: service.connect_timeout, default=None)
        connect, whose = (longest.connect_timeout, f" of {longest.label}") if longest else (0, "")
    else:
        whose = " below"
    if connect > total:
        text = f"Less than the connect timeout{whose}, {connect} ms: a target that does not answer uses it all up."
        yield "retry.total_timeout", text


def _connection_hints(rules: Mapping) -> Hints:
    at = "connections."
    if not rules["pool_size"] and _differs("connections", rules, "idle_timeout", "max_requests"):
        yield f"{at}pool_size", "0: each connection serves one request; idle time and requests have no effect."
    if not rules["tcp_keepalive_idle"] and _differs(
        "connections", rules, "tcp_keepalive_interval", "tcp_keepalive_count"
    ):
        yield f"{at}tcp_keepalive_idle", "0: TCP does not probe; interval and number of probes have no effect."


def _differs(record: str, values: Mapping, *names: str) -> bool:
    """Whether anything in the record, or one of the names, was set to something else than its default."""
    defaults = spec.KINDS["upstreams"].fields[record].fresh_default()
    return any(values[name] != defaults[name] for name in names or defaults)


def _named(labels: list[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{labels[0]} and {len(labels) - 1} more"


def _hash_hints(values: Mapping) -> Hints:
    hashes = values["algorithm"] == "consistent-hashing"
    if hashes and values["hash_on"] == "none":
        yield "algorithm", "Nothing to hash: every request goes to the same target until “Hash on” is set."
    if not hashes and values["hash_on"] != "none":
        yield "hash_on", f"No effect: the algorithm is {values['algorithm']}."


def _service_hints(values: Mapping, around: Neighbours) -> Hints:
    if not values["enabled"]:
        yield "enabled", "Its routes match nothing while it is off."
    if around.upstream is not None:
        yield from _overruled_hints(values, around.upstream)


def _overruled_hints(values: Mapping, upstream: Mapping) -> Hints:
    name, retry = upstream["name"], upstream["retry"]
    if not values["retries"] and (retry["statuses"] or retry["on_read_timeout"]):
        yield "retries", f"0: what upstream {name} says about retries has no effect."
    for timeout in TIMEOUTS:
        instead = upstream["connections"][timeout]
        if instead is not None and instead != values[timeout]:
            yield timeout, f"No effect: upstream {name} sets {instead} ms."


def _target_hints(values: Mapping, around: Neighbours) -> Hints:
    if values["weight"] == 0:
        yield "weight", "0 gets no traffic."
    if values["priority"] and not any(priority < values["priority"] for priority in around.priorities):
        yield "priority", "No reserve: the upstream has no other target with a lower number."


_HINTS = {"upstreams": _upstream_hints, "services": _service_hints, "targets": _target_hints}
