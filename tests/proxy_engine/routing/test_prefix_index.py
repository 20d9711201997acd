"""The longest-prefix search: against trying every prefix, built at once and edited step by step."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_engine.routing.candidates import CompiledRoute
from proxy_engine.routing.prefixes import EMPTY, successor

from .builders import a_route

TEXTS = st.binary(max_size=4).map(lambda text: bytes(b"ab\xff\xfe/"[value % 5] for value in text))


def a_candidate(prefix):
    [candidate] = CompiledRoute(a_route(paths=["/"])).candidates
    candidate.prefix = prefix
    return candidate


def found(index, text):
    return index.longest[index.place_of(text)]


def longest(prefixes, text):
    return max((prefix for prefix in prefixes if text.startswith(prefix)), key=len, default=None)


@given(TEXTS)
def test_a_successor_is_above_all_that_begin_so_and_nothing_lies_between(prefix):
    end = successor(prefix)
    if end is None:
        assert prefix.strip(b"\xff") == b""
    else:
        assert prefix + b"\xff" * 9 < end
        assert not end.startswith(prefix)
        assert end[:-1] + bytes((end[-1] - 1,)) == prefix[: len(end)]


@given(st.sets(TEXTS, max_size=12), st.lists(TEXTS, min_size=1, max_size=12))
def test_it_finds_the_longest_prefix(prefixes, texts):
    index = EMPTY.edited((), [a_candidate(prefix) for prefix in prefixes])
    for text in texts:
        assert found(index, text) == longest(prefixes, text)


@settings(max_examples=300)
@given(st.lists(st.sets(TEXTS, max_size=3), max_size=12), st.sets(TEXTS, min_size=30, max_size=40))
def test_edits_leave_the_index_that_building_anew_gives(steps, start):
    held = {prefix: a_candidate(prefix) for prefix in start}
    index = EMPTY.edited((), list(held.values()))
    for toggled in steps:
        gone = [held.pop(prefix) for prefix in toggled if prefix in held]
        come = [a_candidate(prefix) for prefix in toggled - {one.prefix for one in gone}]
        held |= {candidate.prefix: candidate for candidate in come}
        index = index.edited(gone, come)
        fresh = EMPTY.edited((), list(held.values()))
        assert (index.cuts, index.longest) == (fresh.cuts, fresh.longest)
        assert index.shelves == fresh.shelves
        assert index.ceiling == fresh.ceiling


def test_an_edit_leaves_the_older_index_alone():
    first = EMPTY.edited((), [a_candidate(b"/a%d" % number) for number in range(20)])
    first.edited(list(first.shelves[b"/a3"]), [a_candidate(b"/")])
    assert found(first, b"/a3") == b"/a3"
    assert found(first, b"/x") is None


def test_several_candidates_stand_under_one_prefix():
    one, other = a_candidate(b"/a"), a_candidate(b"/a")
    index = EMPTY.edited((), [one, other]).edited([one], [])
    assert list(index.enclosing(b"/a")) == [other]
