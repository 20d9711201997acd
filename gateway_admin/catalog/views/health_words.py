"""An upstream's health checks in a sentence each, so that nobody has to put fifteen numbers together. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

FAILURES = (
    ("http_failures", "bad status", "bad statuses"),
    ("tcp_failures", "failed connection", "failed connections"),
    ("timeouts", "timeout", "timeouts"),
)
REQUESTS = {"http": "GET {path}", "tcp": "A connection"}


class CheckWords(NamedTuple):
    pill: str
    word: str
    sentence: str


def check_words(healthchecks: Mapping) -> dict[str, CheckWords]:
    """By the preset name of the section: "active", "passive"."""
    return {"active": _active(healthchecks["active"]), "passive": _passive(healthchecks["passive"])}


def _active(active: Mapping) -> CheckWords:
    every, failures = active["healthy"]["interval"], list(_failures(active["unhealthy"]))
    if not every:
        return CheckWords("off", "off", "Healthy targets are not checked.")
    what = REQUESTS.get(active["type"], "GET {path} over {type}").format(path=active["http_path"], type=active["type"])
    sentence = f"{what} every {every:g} s"
    if not failures:
        return CheckWords("warn", "no effect", f"{sentence}; no failure count is set, so nothing follows from it.")
    back, retry = active["healthy"]["successes"], active["unhealthy"]["interval"]
    sentence += f"; out after {_or(failures)}"
    if back and retry:
        return_after = _counted(back, "success", "successes")
        return CheckWords("ok", "on", f"{sentence}; back after {return_after}, {retry:g} s apart.")
    return CheckWords("warn", "no way back", f"{sentence}; what is out stays out.")


def _passive(passive: Mapping) -> CheckWords:
    failures = list(_failures(passive["unhealthy"]))
    if not failures:
        return CheckWords("off", "off", "Answers to real requests do not change a target's health.")
    return CheckWords("ok", "on", f"Out after {_or(failures)}.")


def _failures(rule: Mapping) -> Iterator[str]:
    for name, one, many in FAILURES:
        if rule[name]:
            yield _counted(rule[name], one, many)


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _or(parts: list[str]) -> str:
    return " or ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
