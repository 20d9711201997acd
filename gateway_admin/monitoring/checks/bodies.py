"""What an answer's body must say, beyond a good status. Pure. The grammar: ``proxy_engine.spec.probe_fields``."""

import json
from functools import lru_cache
from typing import Any

from proxy_engine import spec
from proxy_engine.health import Outcome
from proxy_engine.spec import ProbeRules

SHOWN = 60  # characters of a setting or of an answer in a sentence


def judged(status: int, body: bytes, *, is_whole: bool, probe: ProbeRules) -> Outcome:
    """Of an answer with a good status. ``is_whole``: nothing of the body was left unread."""
    wrong = mismatch(body, is_whole, probe)
    return Outcome.judged(False, f"{status}, but {wrong}") if wrong else Outcome.answered(status)


def mismatch(body: bytes, is_whole: bool, probe: ProbeRules) -> str | None:
    """What is wrong, in words; None where nothing is."""
    if probe.contains and probe.contains.encode() not in body:
        return f"the body lacks {_shown(probe.contains)}"
    if probe.matches and not _pattern(probe.matches).search(body):
        return f"the body does not match {_shown(probe.matches)}"
    return _json_mismatch(body, is_whole, probe.json) if probe.json else None


@lru_cache(maxsize=256)
def _pattern(text: str):
    return spec.compile_regex(text)


def _json_mismatch(body: bytes, is_whole: bool, expected: tuple[str, ...]) -> str | None:
    if not is_whole:
        return "the body is too long to be read as JSON"
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return "the body is not JSON"
    for entry in expected:
        path, _, wanted = entry.partition("=")
        try:
            found = _at(document, path)
        except LookupError:
            return f"the body has no {_shown(path)}"
        if not _is(found, wanted):
            return f"{path[:SHOWN]} is {_shown(json.dumps(found))}, not {_shown(wanted)}"
    return None


def _at(document: Any, path: str) -> Any:
    """Raises LookupError."""
    for step in path.split("."):
        if isinstance(document, list) and step.isascii() and step.isdigit() and len(step) < 10:
            document = document[int(step)]
        elif isinstance(document, dict):
            document = document[step]
        else:
            raise LookupError(step)
    return document


def _is(found: Any, wanted: str) -> bool:
    """The text itself, or the same JSON: ``3`` is the number and the text, ``"3"`` only the text. True is not 1."""
    if found == wanted:
        return True
    try:
        value = json.loads(wanted)
    except (ValueError, RecursionError):
        return False
    return type(found) is type(value) and found == value or _are_numbers(found, value) and found == value


def _are_numbers(*values: Any) -> bool:
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)


def _shown(text: str) -> str:
    """An answer is the target's word: ``json.dumps`` has escaped what could forge a line of a log."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
