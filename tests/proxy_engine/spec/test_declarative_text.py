"""The text of a file: YAML and JSON as configuration files have them, and nothing that could be turned against us."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_engine.spec.declarative import BadText, lines_of, parse


def bomb(levels=9, width=9):
    lines = ['a0: &a0 ["x"]']
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * width)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("Yes", True),
        ("OFF", False),
        ("yEs", "yEs"),
        ("~", None),
        ("null", None),
        ('"null"', "null"),
        ("3.0", 3.0),
        ('"3.0"', "3.0"),
        ("1e3", 1000.0),
        ("0x1f", 31),
        ("010", 8),
        ("08", "08"),
        ("-3", -3),
        ("1_000", 1000),
        ("10:30", "10:30"),
        ("2001-01-01", "2001-01-01"),
        ("10.0.0.1:80", "10.0.0.1:80"),
        ("'~/a/\\d+$'", "~/a/\\d+$"),
        ("|\n  one\n  two\n", "one\ntwo\n"),
        ("[1, [2], {a: b}]", [1, [2], {"a": "b"}]),
        ("{a: &x {b: 1, c: 2}, d: {<<: *x, c: 3}}", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}),
        ("{a: &x [1], b: *x}", {"a": [1], "b": [1]}),
        ('{"a": [1, 2.5, null, true, "é"]}', {"a": [1, 2.5, None, True, "é"]}),
        ("", None),
        ("# nothing", None),
        ("﻿a: 1".encode(), {"a": 1}),
    ],
)
def test_it_reads(text, value):
    assert parse(text) == value


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: !!python/object/apply:os.system ['id']", 1, "tags are not taken"),
        ("\na: !!binary aGk=", 2, "tags are not taken"),
        ("a: !own {}", 1, "tags are not taken"),
        ("!!map {a: 1}", 1, "tags are not taken"),
        ("? !!str a\n: 1", 1, "plain text"),
        ("a: 1\nb: 2\na: 3", 3, "'a' stands twice"),
        ('{"a": 1, "a": 2}', None, "'a' stands twice"),
        ("? [a]\n: 1", 1, "plain text"),
        ("a: *b", 1, "has no anchor"),
        ("a: &a [*a]", 1, "has no anchor"),
        ("a: &a {<<: *a}", 1, "has no anchor"),
        ("a: {<<: 1}", 1, "<< takes a mapping"),
        ("--- 1\n--- 2", 2, "one document"),
        ("a: .inf", 1, "no number"),
        ("a: -.INF", 1, "no number"),
        ("a: .nan", 1, "no number"),
        ("a: 1e999", 1, "too large"),
        ('{"a": 1e999}', None, "too large"),
        ('{"a": NaN}', None, "no number"),
        ('{"a": "\\ud800"}', None, "surrogate"),
        ("a: [", 2, "no YAML"),
        ("a: b: c", 1, "no YAML"),
        ("\ta: 1", 1, "no YAML"),
        (b"a: 1\nb: \xff", 2, "not UTF-8"),
        ("a: 1\nb: \x00", 2, "NUL"),
        ("a: \x1b[31m", 1, "no YAML"),
    ],
)
def test_it_refuses_with_the_line(text, line, says):
    with pytest.raises(BadText, match=says) as refused:
        parse(text)
    assert refused.value.line == line


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a: " * 200,
        "- " * 50_000,
        '{"a":' * 50_000,
        "{a: " * 70 + "1" + "}" * 70,
        "[" * 70 + "]" * 70,
        bomb(),
        bomb(levels=30, width=2),
        "a: &a {" + ", ".join(f"k{n}: 1" for n in range(1000)) + "}\nb: [" + ", ".join(["*a"] * 2000) + "]",
        '{"a": ' + "9" * 100_000 + "}",
        "a: " + "x" * (5 * 1024 * 1024),
    ],
)
def test_what_grows_beyond_measure_is_refused_at_once(text):
    started = time.process_time()
    with pytest.raises(BadText):
        parse(text)
    assert time.process_time() - started < 2


def test_lines_lead_to_the_deepest_place_that_is_there():
    text = "services:\n- name: a\n  host: h\n- name: b\n  routes:\n  - paths:\n    - /a\n    - bad\n"
    paths = [("services", 1, "routes", 0, "paths", 1), ("services", 1, "host"), ("services", 0, "host"), ("routes",)]
    assert list(lines_of(text, paths).values()) == [8, 4, 3, 1]


SIGNS = "{}[]:,-?&*!|>'\"#%@`~ \n\t"
WORDS = ("a", "1", "<<", "&a", "*a", "!!x", "---", "...", "- ", ": ", "\\u", "\x85", "é", "\ud800")
PIECES = st.sampled_from([*SIGNS, *WORDS])


@given(st.one_of(st.lists(PIECES, max_size=40).map("".join), st.text(max_size=60), st.binary(max_size=60)))
@settings(max_examples=500, deadline=None)
def test_any_text_is_data_or_refused(text):
    try:
        found = parse(text)
    except BadText:
        return
    assert json.loads(json.dumps(found)) == found
