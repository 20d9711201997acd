"""The schema language: types, defaults, nesting, merging, and what hostile JSON gets back."""

from __future__ import annotations

import math

import pytest

from proxy_engine.spec.schema import (
    MAX_ITEMS,
    MAX_NAME,
    MAX_NUMBER,
    MAX_TEXT,
    Array,
    Boolean,
    Integer,
    Map,
    Number,
    Object,
    Problem,
    Record,
    Reference,
    Set,
    String,
    check_fields,
    merge_fields,
)

STRING, NUMBER, INTEGER, BOOLEAN = String(), Number(min=0, max=10), Integer(min=0, max=10), Boolean()
ARRAY, SET, MAP = Array(of=String()), Set(of=String()), Map(values=Integer(min=0, max=9))
PAIR = Record(fields={"a": Integer(default=1, min=0, max=9), "b": String()})
REFERENCE = Reference(to="services")
AN_ID = "0c4a8bd6-5ba2-4c5c-9e0b-1e5f9a0b7c3d"


def judge(field, value):
    problems: list[Problem] = []
    result = field.check(value, ("f",), problems)
    return result, [(problem.field, problem.message) for problem in problems]


@pytest.mark.parametrize(
    ("field", "value", "normal"),
    [
        (STRING, "a", "a"),
        (STRING, "größe 🎈 \u00a0", "größe 🎈 \u00a0"),
        (STRING, "a" * MAX_TEXT, "a" * MAX_TEXT),
        (NUMBER, 0.5, 0.5),
        (NUMBER, 10, 10),
        (INTEGER, 10, 10),
        (INTEGER, 10.0, 10),
        (INTEGER, -0.0, 0),
        (BOOLEAN, False, False),
        (ARRAY, [], []),
        (ARRAY, ["a", "a"], ["a", "a"]),
        (ARRAY, ("a",), ["a"]),
        (SET, ["b", "a", "b"], ["b", "a"]),
        (Set(of=PAIR), [{"b": "x"}, {"a": 1, "b": "x"}], [{"a": 1, "b": "x"}]),
        (MAP, {"x": 1.0}, {"x": 1}),
        (PAIR, {}, {"a": 1, "b": None}),
        (PAIR, {"a": None, "b": "x"}, {"a": 1, "b": "x"}),
        (REFERENCE, {"id": AN_ID.upper()}, {"id": AN_ID}),
        (REFERENCE, {"id": AN_ID, "name": "dropped", "port": "unread"}, {"id": AN_ID}),
    ],
)
def test_a_good_value_comes_back_in_normal_form(field, value, normal):
    result, problems = judge(field, value)
    assert problems == []
    assert result == normal
    assert type(result) is type(normal)


WRONG_TYPES = [
    (STRING, "expected a string", (0, True, 1.5, [], ["a"], {}, b"a")),
    (NUMBER, "expected a number", (True, "1", "", [], {}, math.nan, math.inf, -math.inf)),
    (INTEGER, "expected an integer", (True, False, "1", 1.5, math.nan, math.inf, [1], {})),
    (BOOLEAN, "expected a boolean", (0, 1, "true", [], {})),
    (ARRAY, "expected an array", ("a", 1, {}, {"0": "a"})),
    (SET, "expected a set", ("a", 1, {})),
    (MAP, "expected a map", ([], [["a", 1]], "a", 1)),
    (PAIR, "expected a record", ([], "a", 1)),
    (REFERENCE, "expected a record", (AN_ID, [AN_ID], 1, True)),
]


@pytest.mark.parametrize(
    ("field", "message", "value"),
    [
        pytest.param(field, message, value, id=f"{type(field).__name__}-{value!r:.20}")
        for field, message, wrong in WRONG_TYPES
        for value in wrong
    ],
)
def test_nothing_is_coerced(field, message, value):
    assert judge(field, value)[1] == [("f", message)]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (STRING, "", "length must be at least 1"),
        (STRING, "a" * (MAX_TEXT + 1), f"length must be at most {MAX_TEXT}"),
        (NUMBER, 10.001, "value should be between 0 and 10"),
        (NUMBER, -0.001, "value should be between 0 and 10"),
        (NUMBER, 10**400, "value should be between 0 and 10"),
        (INTEGER, -(10**400), "value should be between 0 and 10"),
        (INTEGER, 1e300, "value should be between 0 and 10"),
        (String(choices=("a", "b")), "c", "expected one of: a, b"),
        (Integer(min=0, max=999, choices=(301, 302)), 303, "expected one of: 301, 302"),
        (ARRAY, ["a"] * (MAX_ITEMS + 1), f"length must be at most {MAX_ITEMS}"),
        (SET, ["a"] * 10_000, f"length must be at most {MAX_ITEMS}"),
        (MAP, {f"k{n}": 1 for n in range(10_000)}, f"length must be at most {MAX_ITEMS}"),
        (Array(of=STRING, min_items=1), [], "length must be at least 1"),
        (Number(above=0), 0, "value must be greater than 0"),
        (Number(above=0), 10**400, f"value should be between -{MAX_NUMBER} and {MAX_NUMBER}"),
        (Number(), -(10**400), f"value should be between -{MAX_NUMBER} and {MAX_NUMBER}"),
        (Reference(to="services", forbidden=True), {"id": AN_ID}, "value must be null"),
    ],
)
def test_it_refuses_what_is_out_of_bounds(field, value, message):
    assert judge(field, value)[1] == [("f", message)]


@pytest.mark.parametrize(
    "character",
    ["\x00", "\n", "\r", "\t", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u2029", "\ud800", chr(0xDFFF)],
    ids=ascii,
)
@pytest.mark.parametrize("place", ["{}b", "a{}b", "a{}"])
def test_it_refuses_control_characters_wherever_they_stand(character, place):
    assert judge(STRING, place.format(character))[1] == [("f", "must not contain control characters")]


@pytest.mark.parametrize("character", ["\n", "\r", "\t"], ids=ascii)
def test_a_text_of_several_lines_keeps_them(character):
    assert judge(String(multiline=True), f"a{character}b") == (f"a{character}b", [])


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1b", "\x7f", "\x9b", "\u2028", "\ud800"], ids=ascii)
def test_a_text_of_several_lines_has_no_other_control_characters(character):
    assert judge(String(multiline=True), f"a{character}b")[1] == [("f", "must not contain control characters")]


def test_a_problem_names_the_place():
    _, problems = judge(ARRAY, ["a", 1, None])
    assert problems == [("f.1", "expected a string"), ("f.2", "expected a string")]
    _, problems = judge(MAP, {"x": -1, "y": None})
    assert problems == [("f.x", "value should be between 0 and 9"), ("f.y", "expected an integer")]
    _, problems = judge(PAIR, {"a": "1", "c": 2})
    assert problems == [("f.c", "unknown field"), ("f.a", "expected an integer")]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({}, ("f.id", "missing primary key")),
        ({"id": None}, ("f.id", "missing primary key")),
        ({"name": "a"}, ("f.id", "missing primary key")),
        ({"id": "a"}, ("f.id", "expected a valid UUID")),
        ({"id": AN_ID + "\n"}, ("f.id", "expected a valid UUID")),
        ({"id": {"id": AN_ID}}, ("f.id", "expected a valid UUID")),
    ],
)
def test_a_reference_needs_an_id(value, problem):
    assert judge(REFERENCE, value)[1] == [problem]


@pytest.mark.parametrize("name", ["a\nb", "\x1b[2J", "\ud800", "\u2028", "a" * 5000])
def test_a_hostile_name_is_made_harmless_before_it_is_repeated(name):
    for problems in (judge(MAP, {name: 1})[1], judge(PAIR, {name: 1})[1]):
        [(field, _)] = problems
        assert field.isprintable()
        assert len(field) <= MAX_NAME + len("f.")
        field.encode()


def test_null_means_the_default_unless_the_field_is_required():
    assert judge(Integer(default=5, min=0, max=9), None) == (5, [])
    assert judge(STRING, None) == (None, [])
    problems: list[Problem] = []
    Integer(default=5, required=True, min=0, max=9).check(None, ("f",), problems)
    assert problems == [Problem(("f",), "required field missing", "required")]


def test_null_stays_null_where_it_may():
    assert judge(Integer(default=5, nullable=True, min=0, max=9), None) == (None, [])
    assert judge(Reference(to="services", forbidden=True), None) == (None, [])


def test_a_record_of_unknown_shape_is_a_record_all_the_same():
    assert judge(Object(), {"a": [1]}) == ({"a": [1]}, [])
    assert judge(Object(), [1])[1] == [("f", "expected a record")]


def test_an_absent_field_gets_a_default_of_its_own():
    fields = {"list": Array(of=STRING, default=["a"]), "inner": PAIR}
    first, second = (check_fields(fields, {}, (), []) for _ in range(2))
    first["list"].append("b")
    first["inner"]["a"] = 9
    assert second == {"list": ["a"], "inner": {"a": 1, "b": None}}


def test_rules_run_in_order_and_the_first_complaint_counts():
    field = String(rules=(lambda _: None, lambda _: "second", lambda _: "third"))
    assert judge(field, "a")[1] == [("f", "second")]


def test_rules_do_not_see_values_of_the_wrong_type():
    def never(value):
        raise AssertionError(value)

    assert judge(String(rules=(never,)), 5)[1] == [("f", "expected a string")]
    assert judge(Map(values=INTEGER, keys=(never,)), {"\x00": 1})[1] == [
        ("f.\ufffd", "must not contain control characters")
    ]


def test_a_deep_value_costs_no_recursion():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    for field, _, _ in WRONG_TYPES:
        assert judge(field, deep)[1]


def test_a_patch_merges_records_and_replaces_the_rest():
    fields = {"inner": Record(fields={"deep": PAIR, "list": ARRAY}), "map": MAP, "text": STRING}
    current = {"inner": {"deep": {"a": 1, "b": "x"}, "list": ["a", "b"]}, "map": {"x": 1}, "text": "t"}
    patch = {"inner": {"deep": {"a": 2}, "list": ["c"]}, "map": {"y": 2}, "text": None}
    assert merge_fields(fields, current, patch) == {
        "inner": {"deep": {"a": 2, "b": "x"}, "list": ["c"]},
        "map": {"y": 2},
        "text": None,
    }
    assert current["inner"]["deep"] == {"a": 1, "b": "x"}


def test_a_patch_that_is_no_record_stays_for_the_check_to_refuse():
    fields = {"inner": PAIR}
    assert merge_fields(fields, {"inner": {"a": 1, "b": None}}, {"inner": [1]}) == {"inner": [1]}
    assert merge_fields(fields, {"inner": {"a": 1, "b": None}}, {"inner": None}) == {"inner": None}
    assert merge_fields(fields, {}, {"nonsense": 1}) == {"nonsense": 1}
