import pytest

from gateway_admin.kong_api.coercion import coerced
from proxy_engine import spec

FIELDS = {
    "text": spec.String(),
    "count": spec.Integer(),
    "share": spec.Number(),
    "flag": spec.Boolean(),
    "words": spec.Array(of=spec.String()),
    "codes": spec.Set(of=spec.Integer()),
    "inner": spec.Record(fields={"count": spec.Integer(), "flag": spec.Boolean()}),
    "headers": spec.Map(values=spec.Array(of=spec.String())),
    "other": spec.Reference(to="services"),
}
CASES = [
    ("text", "80", "80"),
    ("text", "", None),
    ("text", "true", "true"),
    ("count", "80", 80),
    ("count", "-1", -1),
    ("count", "80.0", 80.0),
    ("count", "1e3", 1000.0),
    ("count", "0x10", "0x10"),
    ("count", " 80", " 80"),
    ("count", "80\n", "80\n"),
    ("count", "٣", "٣"),
    ("count", "9" * 5000, "9" * 5000),
    ("count", "1e999", "1e999"),
    ("count", "nan", "nan"),
    ("count", "abc", "abc"),
    ("count", True, True),
    ("share", "0.5", 0.5),
    ("flag", "true", True),
    ("flag", "false", False),
    ("flag", "True", "True"),
    ("flag", "1", "1"),
    ("words", "a", ["a"]),
    ("words", ["a", ""], ["a", None]),
    ("words", "", None),
    ("codes", ["200", "x"], [200, "x"]),
    ("codes", {"a": "1"}, {"a": "1"}),
    ("inner", {"count": "1", "flag": "true", "more": "1"}, {"count": 1, "flag": True, "more": "1"}),
    ("inner", "x", "x"),
    ("headers", {"a": "x", "b": ["y", "z"]}, {"a": ["x"], "b": ["y", "z"]}),
    ("other", {"id": "x", "name": ""}, {"id": "x", "name": None}),
    ("unknown", "1", "1"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "value"), CASES)
def test_texts_become_what_the_schema_asks_for(name, text, value):
    found = coerced(FIELDS, {name: text})[name]
    assert found == value
    assert type(found) is type(value)
