"""What a body must say, and the words for one that does not."""

import time

import pytest

from gateway_admin.monitoring.checks.bodies import judged
from proxy_engine.health import Outcome
from tests.gateway_admin.monitoring.builders import an_upstream_spec

UP = b'{"status": "UP", "checks": [{"ok": true}, {"ok": false}], "version": 3, "build": "3", "gone": null}'


def verdict(body=UP, *, is_whole=True, **probe):
    return judged(200, body, is_whole=is_whole, probe=an_upstream_spec(probe=probe).probe)


@pytest.mark.parametrize(
    "probe",
    [
        {"contains": "UP"},
        {"matches": r'"status":\s*"(UP|OK)"'},
        {"json": ["status=UP"]},
        {"json": ['status="UP"', "checks.0.ok=true", "checks.1.ok=false", "gone=null"]},
        {"json": ["version=3", "version=3.0", "build=3", 'build="3"']},
        {"contains": "UP", "matches": "UP", "json": ["status=UP"]},
    ],
)
def test_what_is_there_is_fine(probe):
    assert verdict(**probe) == Outcome.answered(200)


@pytest.mark.parametrize(
    ("probe", "words"),
    [
        ({"contains": "DOWN"}, "200, but the body lacks DOWN"),
        ({"matches": "^DOWN"}, "200, but the body does not match ^DOWN"),
        ({"json": ["status=DOWN"]}, '200, but status is "UP", not DOWN'),
        ({"json": ['version="3"']}, '200, but version is 3, not "3"'),
        ({"json": ["checks.0.ok=1"]}, "200, but checks.0.ok is true, not 1"),
        ({"json": ["checks.2.ok=true"]}, "200, but the body has no checks.2.ok"),
        ({"json": ["status.x=1"]}, "200, but the body has no status.x"),
        ({"json": ["checks.-1=1"]}, "200, but the body has no checks.-1"),
        ({"contains": "x" * 100}, f"200, but the body lacks {'x' * 60}…"),
    ],
)
def test_what_is_not_there_is_told(probe, words):
    assert verdict(**probe) == Outcome.judged(False, words)


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 100_000, b"1" * 10_000])
def test_what_is_no_json(body):
    assert verdict(body, json=["a=1"]).accepted is False


def test_a_cut_body_is_no_json_but_may_contain_a_text():
    assert verdict(is_whole=False, json=["status=UP"]).words == "200, but the body is too long to be read as JSON"
    assert verdict(is_whole=False, contains="UP") == Outcome.answered(200)


def test_what_the_target_says_cannot_forge_a_line():
    words = verdict(b'{"a": "x\\n2026 all is well \\u2028"}', json=["a=1"]).words
    assert words.isprintable()


def test_a_pattern_takes_linear_time():
    start = time.process_time()
    verdict(b"a" * 65_000, matches="(a+)+b")
    assert time.process_time() - start < 1
