"""JSON without what readers disagree on."""

import pytest

from gateway_admin.common.strict_json import NotStrictJSON, parse


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"{}", {}),
        (b' [1, 2.5, -3e2, "\\u00e9", null, true] ', [1, 2.5, -300.0, "é", None, True]),
        ('{"é": {"é": 1}}'.encode(), {"é": {"é": 1}}),
        (b"7", 7),
    ],
)
def test_json_is_read(body, value):
    assert parse(body) == value


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'"a\nb"', "not JSON"),
        (b"\xff", "not UTF-8"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b'{"a": 1, "a": 1}', "'a' stands twice"),
        (b'{"\\ud800": 1}', "half of a surrogate pair"),
        (b'{"a": ["\\udfff"]}', "half of a surrogate pair"),
        (b'[{"x": {"a": 1, "b": 2, "a": 3}}]', "'a' stands twice"),
        (b"NaN", "NaN is not JSON"),
        (b'{"a": [-Infinity]}', "-Infinity is not JSON"),
        (b"1e400", "too large"),
        (b"-1e400", "too large"),
        (b"[" * 200_000, "nested too deeply"),
        (b"9" * 10_000, "too long"),
    ],
    ids=lambda part: str(part[:20]),
)
def test_anything_else_is_refused_with_the_reason(body, reason):
    with pytest.raises(NotStrictJSON, match=reason):
        parse(body)


def test_escaped_pairs_are_text():
    assert parse(b'{"a": "\\ud83d\\ude00"}') == {"a": "\N{GRINNING FACE}"}
