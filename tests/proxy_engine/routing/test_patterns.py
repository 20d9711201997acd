from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proxy_engine.routing.patterns import PathPattern, ValuePattern


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        (r"/api/v\d+/users", b"/api/v"),
        ("/api", b"/api"),
        ("/api/?", b"/api"),
        ("/api+", b"/api"),
        ("/a|/b", b"/"),
        ("(?i)/api", b"/"),
        (r"/a\.b/x", b"/a.b/x"),
        (r"/a\.b/.*", b"/a.b"),
        (".*", b""),
        ("/café/.*", "/café/".encode()),
    ],
)
def test_it_knows_what_every_match_begins_with(text, literal):
    assert PathPattern(text).literal == literal


PIECES = st.sampled_from(["a", "b", "/", ".", "a*", "b?", "a+", "[ab]", "(a|b)", "(?:/a)?", "a{2}", "|", "(?i)"])


@given(st.lists(PIECES, max_size=6).map("".join), st.text(st.sampled_from("abAB/"), max_size=8))
def test_no_match_begins_otherwise(text, path):
    try:
        re.compile(text)
        pattern = PathPattern(text)
    except (ValueError, re.error):
        assume(False)
    found = pattern.match(path.encode())
    expected = re.match(text, path)
    assert (found is None) == (expected is None)
    if found is not None:
        assert found[0] == expected[0].encode()
        assert path.encode().startswith(pattern.literal)


def test_groups_that_took_no_part_are_absent():
    assert PathPattern("/(a)|/(?P<other>b)").match(b"/b") == (b"/b", {"2": b"b", "other": b"b"})


def test_header_values_are_searched_without_regard_to_case():
    assert ValuePattern(r"\Sx").search(b"axle")
    assert ValuePattern("MOBILE").search(b"on a mobile")
    assert not ValuePattern("^x").search(b"ax")


@pytest.mark.parametrize("text", ["(", r"(a)\1", "(?=a)", "(?<!a)b", "a{1,100000}"])
def test_it_refuses_with_the_reason_what_needs_more_than_linear_time(text):
    with pytest.raises(ValueError, match="cannot be compiled: "):
        PathPattern(text)
