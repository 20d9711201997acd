"""Whatever is fed in: ``check`` does not raise, what it accepts is final, and what it says can be passed on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_engine import spec
from proxy_engine.spec.schema import Array, Boolean, Field, Map, Number, Record, Reference, String
from tests.proxy_engine.builders import SMALLEST, SMALLEST_CONFIG, an_id

TEXTS = st.one_of(
    st.text(st.characters(), max_size=12),  # lone surrogates included
    st.text(st.sampled_from("aA0.-_/~%*:[]{}()$^\\ \n\x00é\ud800"), max_size=12),
    st.sampled_from(
        ["a.test", "10.0.0.1", "::1", "/a", "~/a", "~(", "GET", "http", "grpc", "ip", "header", "a:80", "*.a"]
    ),
    st.sampled_from([an_id(1), "x" * 10_000, "/" + "%41" * 100, "~/" + "(" * 500]),
)
NUMBERS = st.one_of(
    st.integers(-10, 70_000), st.floats(), st.sampled_from([10**400, -(10**400), 1e308, -0.0, math.nan, math.inf])
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4))


def likely(field: Field) -> st.SearchStrategy:
    """Values of the right shape, more often than not."""
    match field:
        case Record():
            shaped = st.fixed_dictionaries({}, optional={name: likely(inner) for name, inner in field.fields.items()})
        case Array():
            shaped = st.lists(likely(field.of), max_size=4)
        case Map():
            shaped = st.dictionaries(TEXTS, likely(field.values), max_size=3)
        case Reference():
            shaped = st.just({"id": an_id(1)})
        case Boolean():
            shaped = st.booleans()
        case Field(choices=tuple()):
            shaped = st.sampled_from(field.choices)
        case Number():
            shaped = st.integers(int(field.above or field.min or -10), int(field.max or 10))
        case _:
            shaped = TEXTS
    return st.one_of(shaped, shaped, shaped, st.none(), JSON)


def _some_of(fields: Mapping[str, Field]) -> st.SearchStrategy:
    return st.fixed_dictionaries({}, optional={name: likely(field) for name, field in fields.items()})


def _entities(kind: str) -> st.SearchStrategy:
    entity = spec.KINDS[kind]
    given_fields = _some_of(entity.fields | dict(entity.also))
    return st.one_of(given_fields.map(lambda values: SMALLEST[kind] | values), st.dictionaries(TEXTS, JSON), JSON)


def _settings(name: str) -> st.SearchStrategy:
    shaped = _some_of(spec.PLUGINS[name].config_field().read_fields())
    return st.one_of(shaped, shaped.map(lambda values: SMALLEST_CONFIG.get(name, {}) | values), JSON)


ENTITIES = {kind: _entities(kind) for kind in spec.KINDS}


@pytest.mark.parametrize("kind", spec.KINDS)
@given(data=st.data())
def test_check_never_raises_and_what_it_accepts_is_final(kind, data):
    values = data.draw(ENTITIES[kind])
    checked = spec.check(kind, values)
    assert_can_be_told(checked.problems)
    if checked.problems and isinstance(values, dict):
        wrong = {problem.path[0] for problem in checked.problems}
        checked = spec.check(kind, {name: value for name, value in values.items() if name not in wrong})
    if not checked.problems:
        assert spec.check(kind, checked.values) == checked
        assert_can_be_stored(checked.values)
        if kind in spec.BUILT_KINDS:
            hash(spec.to_spec(kind, checked.values | {"id": an_id(7)}))


@pytest.mark.parametrize("name", spec.PLUGINS)
@given(data=st.data())
def test_settings_never_raise_and_what_is_accepted_is_final(name, data):
    config = data.draw(_settings(name))
    checked = spec.check("plugins", {"name": name, "config": config})
    assert_can_be_told(checked.problems)
    if not checked.problems:
        assert spec.check("plugins", checked.values) == checked
        assert_can_be_stored(checked.values)
    current = spec.check("plugins", {"name": name, "config": SMALLEST_CONFIG.get(name, {})})
    assert current.problems == []
    patched = spec.check("plugins", spec.merge("plugins", current.values, {"config": config}))
    assert_can_be_told(patched.problems)


@pytest.mark.parametrize("kind", spec.KINDS)
@given(data=st.data())
def test_a_patch_never_raises(kind, data):
    current = spec.check(kind, SMALLEST[kind]).values
    expanded = spec.expand(kind, data.draw(ENTITIES[kind]))
    spec.check(kind, spec.merge(kind, current, expanded.values))


@given(st.text(max_size=40) | st.text(st.sampled_from("htps:/.a@[]?#1%\n\\ "), max_size=20))
def test_a_url_never_raises_and_what_it_gives_is_checked(url):
    expanded = spec.expand("services", {"url": url})
    assert expanded.problems or spec.check("services", expanded.values)


def assert_can_be_told(problems: list[spec.Problem]) -> None:
    for problem in problems:
        for text in (problem.field, problem.message):
            text.encode()  # an answer is UTF-8
            assert not {"\r", "\n", "\x1b", "\x00"} & set(text), "a log line"


def assert_can_be_stored(values: dict[str, Any]) -> None:
    text = json.dumps(values, ensure_ascii=False, allow_nan=False)
    text.encode()
    assert "\\u0000" not in text  # PostgreSQL's jsonb has no NUL
    assert json.loads(text) == values


# -- by hand: what a generator finds too rarely ----------------------------------------------------


@pytest.mark.parametrize("kind", spec.KINDS)
@pytest.mark.parametrize("field", ["tags", "nonsense", "healthchecks", "host", "protocols", "headers", "upstream"])
def test_deep_nesting_is_no_recursion(kind, field):
    deep: Any = {}
    for _ in range(20_000):
        deep = {"x": [deep]}
    assert spec.check(kind, SMALLEST[kind] | {field: deep}).problems


@pytest.mark.parametrize(
    ("kind", "field", "item"),
    [
        ("routes", "paths", "/a"),
        ("routes", "paths", "~/(a)"),
        ("routes", "hosts", "a.test"),
        ("routes", "methods", "GET"),
        ("routes", "sources", {"port": 1}),
        ("services", "tags", "a"),
    ],
)
def test_a_list_of_ten_thousand_is_refused_before_its_items_are_looked_at(kind, field, item):
    checked = spec.check(kind, SMALLEST[kind] | {field: [item] * 10_000})
    assert [problem.message for problem in checked.problems] == ["length must be at most 1000"]


@pytest.mark.parametrize("kind", spec.KINDS)
@pytest.mark.parametrize("suffix", ["\n", "\r\n", "\x00", "\u2028", " \n"], ids=ascii)
def test_no_text_field_takes_a_line_end_at_its_end(kind, suffix):
    fields = spec.KINDS[kind].fields.items()
    texts = [name for name, field in fields if isinstance(field, String) and not field.choices and not field.multiline]
    good = {"target": "a.test", "path": "/a", "host": "a.test", "hash_on_cookie_path": "/"}
    for name in texts:
        values = SMALLEST[kind] | {name: good.get(name, "a") + suffix}
        assert [problem.field for problem in spec.check(kind, values).problems] == [name]


@pytest.mark.parametrize("kind", spec.KINDS)
def test_names_that_are_no_text_are_no_crash(kind):
    checked = spec.check(kind, SMALLEST[kind] | {None: 1, 7: 2, ("a",): 3})
    assert {problem.code for problem in checked.problems} == {"unknown"}


def test_the_input_is_left_as_it_was():
    given = {"name": "a.test", "healthchecks": {"active": {"healthy": {"http_statuses": [200, 200]}}}}
    before = json.dumps(given)
    values = spec.check("upstreams", given).values
    values["healthchecks"]["active"]["healthy"]["http_statuses"].append(418)
    assert json.dumps(given) == before
