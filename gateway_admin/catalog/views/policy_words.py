"""An upstream's policies in a sentence each, so that nobody has to put fifteen numbers together. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from proxy_engine.spec.build import active_checks, passive_checks

FAILURES = (
    ("http_failures", "bad status", "bad statuses"),
    ("tcp_failures", "failed connection", "failed connections"),
    ("timeouts", "timeout", "timeouts"),
)
REQUESTS = {"http": "{method} {path}", "tcp": "A connection", "grpc": "gRPC health", "grpcs": "gRPC health over TLS"}


class Words(NamedTuple):
    """``pill`` is empty for what is neither on nor off."""

    pill: str
    word: str
    sentence: str


def policy_words(values: Mapping) -> dict[str, Words]:
    """By the key of the section in ``forms.layout``. ``values``: an upstream's."""
    checks = values["healthchecks"]
    return {
        "active": _active(checks["active"], values["probe"]),
        "probe": _probe(values["probe"]),
        "passive": _passive(checks["passive"]),
        "all_unhealthy": _all_unhealthy(values["when_all_unhealthy"], checks["threshold"], values["panic_threshold"]),
        "slow_start": _slow_start(values["slow_start"]),
        "breaker": _breaker(values["circuit_breaker"]),
        "retries": _retries(values["retry"]),
        "connections": _connections(values["connections"]),
    }


def _active(active: Mapping, probe: Mapping) -> Words:
    rules = active_checks(active)
    what = REQUESTS.get(active["type"], "{method} {path} over TLS").format(
        method=probe["method"], path=active["http_path"]
    )
    every, back_every = active["healthy"]["interval"], active["unhealthy"]["interval"]
    back = f"back after {_counted(active['healthy']['successes'], 'success', 'successes')}, {back_every:g} s apart"
    if not rules.can_fail:
        if rules.can_recover:
            return Words("ok", "brings back", f"{what} of unhealthy targets; {back}. Healthy ones are not taken out.")
        return Words("off", "off", _why_off(active, what))
    sentence = f"{what} every {every:g} s; out after {_or(list(_failures(active['unhealthy'])))}"
    if rules.can_recover:
        return Words("ok", "on", f"{sentence}; {back}.")
    return Words("warn", "no way back", f"{sentence}; what is out stays out.")


def _why_off(active: Mapping, what: str) -> str:
    """A check may be made and still be good for nothing."""
    every = active["healthy"]["interval"]
    if not every:
        return "Healthy targets are not checked."
    if not any(_failures(active["unhealthy"])):
        return f"{what} every {every:g} s; no failure count is set, so nothing follows from it."
    return f"{what} every {every:g} s; nothing of it counts as failure, so nothing follows from it."


def _probe(probe: Mapping) -> Words:
    wants = [
        *([f"contain “{probe['contains']}”"] if probe["contains"] else []),
        *([f"match “{probe['matches']}”"] if probe["matches"] else []),
        *([f"say {', '.join(probe['json'])}"] if probe["json"] else []),
    ]
    parts = [f"The body must {' and '.join(wants)}."] if wants else []
    if probe["start_unhealthy"]:
        parts.append("New targets wait for their first success.")
    return Words("", "", " ".join(parts) or "As Kong asks; the status decides.")


def _passive(passive: Mapping) -> Words:
    failures = list(_failures(passive["unhealthy"]))
    if not failures:
        return Words("off", "off", "Answers to real requests do not change a target's health.")
    if not passive_checks(passive).can_fail:
        return Words("off", "off", "No status counts as failure, so answers do not change a target's health.")
    return Words("ok", "on", f"Out after {_or(failures)}.")


def _all_unhealthy(choice: str, threshold: float, panic: float) -> Words:
    when = f"while {threshold:g} % of the weight or less is available" if threshold else "while no target is healthy"
    if choice == "threshold" and panic > threshold:
        when = f"while less than {panic:g} % of the weight is available"
    if choice != "refuse":
        return Words("ok", "use all", f"All targets get requests {when}.")
    return Words("", "", f"Requests are answered with 503 {when}.")


def _slow_start(rule: Mapping) -> Words:
    if not rule["window"]:
        return Words("off", "off", "Targets that are new or came back get their full share at once.")
    if rule["min_share"] >= 100:
        return Words("warn", "no effect", "It begins with 100 % of the share.")
    return Words("ok", "on", f"From {rule['min_share']:g} % to the full share in {rule['window']:g} s.")


def _breaker(breaker: Mapping) -> Words:
    causes = list(_breaker_causes(breaker))
    if not causes:
        return Words("off", "off", "Failed requests do not eject a target.")
    sentence = f"Out for {breaker['open_time']:g} s after {_or(causes)}"
    if not breaker["max_ejected"]:
        return Words("warn", "no effect", f"{sentence}; but at most 0 % of the targets, so never.")
    trials = _counted(breaker["half_open_requests"], "trial request", "trial requests")
    return Words("ok", "on", f"{sentence}; back after {trials}; at most {breaker['max_ejected']:g} % out at once.")


def _breaker_causes(breaker: Mapping) -> Iterator[str]:
    if breaker["consecutive_failures"]:
        yield _counted(breaker["consecutive_failures"], "failure", "failures in a row")
    if breaker["failure_percentage"]:
        least = _counted(breaker["minimum_requests"], "request", "requests")
        yield f"{breaker['failure_percentage']:g} % failures of at least {least} in {breaker['window']:g} s"


def _retries(retry: Mapping) -> Words:
    what = [str(status) for status in retry["statuses"]] + ["read timeouts"] * retry["on_read_timeout"]
    limits = "".join(f"; {limit}" for limit in _retry_limits(retry))
    if not what:
        return Words("off", "off", f"Only failed connections are tried again{limits}.")
    return Words("ok", "on", f"{', '.join(what)}: tried again if the method is idempotent{limits}.")


def _retry_limits(retry: Mapping) -> Iterator[str]:
    if retry["backoff"]:
        yield f"first after {retry['backoff']} ms"
    if retry["budget"]:
        yield f"at most {retry['budget']:g} % of the requests under way"
    if retry["total_timeout"]:
        yield f"{retry['total_timeout']} ms for all tries"


def _connections(rules: Mapping) -> Words:
    if not rules["pool_size"]:
        return Words("", "", "A new connection for each request.")
    idle = _counted(rules["pool_size"], "idle connection", "idle connections")
    return Words("", "", f"Up to {idle} per target, kept for {rules['idle_timeout']:g} s.")


def _failures(rule: Mapping) -> Iterator[str]:
    for name, one, many in FAILURES:
        if rule[name]:
            yield _counted(rule[name], one, many)


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _or(parts: list[str]) -> str:
    return " or ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
