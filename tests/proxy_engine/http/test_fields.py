"""Header lines: what is one, which are looked at, and that the memory of them is bounded and never loses any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_engine.errors import BadMessage
from proxy_engine.http import fields
from proxy_engine.http.fields import MAX_LINE, MAX_REMEMBERED, Line, LineTable, tokens


@pytest.fixture
def table():
    return LineTable(frozenset({b"host", b"x-forwarded-for"}))


def test_it_sorts_lines_and_keeps_their_order(table):
    lines = [b"Accept: */*", b"Host: a", b"X-A: 1", b"X-Forwarded-For: 10.0.0.1", b"Accept: text/html"]
    expected = (
        [b"Accept: */*", b"X-A: 1", b"Accept: text/html"],
        [
            Line(b"host", b"a"),
            Line(b"x-forwarded-for", b"10.0.0.1"),
        ],
    )
    for _ in ("learning", "remembering"):
        assert table.sort(lines) == expected


def test_an_equal_line_stays_as_often_as_it_was_sent(table):
    lines = [b"X-A: 1", b"Host: a", b"X-A: 1", b"Host: a"]
    for _ in range(2):
        assert table.sort(lines) == ([b"X-A: 1", b"X-A: 1"], [Line(b"host", b"a")] * 2)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"Host:a", Line(b"host", b"a")),
        (b"HOST: \t a b \t", Line(b"host", b"a b")),
        (b"Host:", Line(b"host", b"")),
        (b"Host: a:b", Line(b"host", b"a:b")),
        (b"Host: !~\x80\xe4\xff", Line(b"host", b"!~\x80\xe4\xff")),
        (b"!#$%&'*+-.^_`|~09azAZ: x", Line(b"!#$%&'*+-.^_`|~09azaz", b"x")),
    ],
)
def test_it_reads_a_line(table, text, line):
    assert table.read(text) == line


MALFORMED = [
    b"",
    b"no colon",
    b"Host",
    b"Accept",
    b": no name",
    b"Host : space before the colon",
    b"Host\t: tab before the colon",
    b" Host: leading space",
    b"\tfolded",
    b" folded: line",
    b"Ho st: a",
    b"Host\x00: a",
    b"H\xf6st: a",
    b"Host,: a",
    b"Host(x): a",
    b'"Host": a',
    b"Host: a\x00b",
    b"Host: a\rb",
    b"Host: a\nb",
    b"Host: a\r",
    b"Host: a\n",
    b"Host: a\x0bb",
    b"Host: a\x7f",
    b"Host: \x1b[2J",
]


@pytest.mark.parametrize("text", MALFORMED)
def test_it_refuses_a_malformed_line(table, text):
    for ask in (table.read, lambda line: table.sort([line])):
        with pytest.raises(BadMessage) as caught:
            ask(text)
        assert caught.value.status == 400


@pytest.mark.parametrize("text", MALFORMED)
def test_a_good_line_with_the_same_name_does_not_let_a_bad_one_through(table, text):
    table.sort([b"Host: a", b"Ho: a", b"H: a"])
    with pytest.raises(BadMessage):
        table.sort([b"Host: a", text])


def test_a_line_may_be_so_long_and_no_longer(table):
    longest = b"X-A: " + b"a" * (MAX_LINE - 5)
    assert table.sort([longest]) == ([longest], [])
    with pytest.raises(BadMessage) as caught:
        table.sort([longest + b"a"])
    assert caught.value.status == 431


@pytest.mark.parametrize("name", [b"X_Forwarded_For", b"x-forwarded_for", b"X.Forwarded.For", b"X~FORWARDED-For"])
def test_spellings_that_servers_fold_together_are_looked_at(table, name):
    plain, special = table.sort([name + b": 10.0.0.1"])
    assert plain == []
    assert special == [Line(name.lower(), b"10.0.0.1")]


# -- the memory -----------------------------------------------------------------------------------


def test_a_name_with_ever_new_values_does_not_push_out_the_others(table):
    table.sort([b"Accept: */*"])
    for number in range(10 * fields.MAX_LINES_OF_A_NAME):
        table.sort([b"X-Request-Id: %d" % number])
    assert len(table) == 1 + fields.MAX_LINES_OF_A_NAME


def test_the_memory_is_bounded_whatever_is_sent(table):
    for number in range(3 * MAX_REMEMBERED):
        table.sort([b"X-%d: a" % number, b"Host: %d" % number, b"X-Long: %b" % (b"%d" % number * 600)])
        assert len(table) <= MAX_REMEMBERED
        assert len(table._names) <= MAX_REMEMBERED


def test_long_lines_are_checked_each_time_instead_of_remembered(table):
    line = b"Cookie: " + b"a" * (fields.MAX_REMEMBERED_LINE - 7)
    for _ in range(2):
        assert table.sort([line]) == ([line], [])
    assert len(table) == 0
    table.sort([line[:-1]])
    assert len(table) == 1


def test_names_are_bounded_even_where_no_line_is_remembered(table):
    for number in range(MAX_REMEMBERED + 10):
        table.read(b"X-%d: a" % number)
        assert len(table._names) <= MAX_REMEMBERED


def test_long_names_are_checked_each_time_instead_of_remembered(table):
    for number in range(3):
        table.read(b"X-%b: a" % (b"%d" % number * fields.MAX_REMEMBERED_NAME))
    assert not table._names
    assert not table.are_plain(b"X-%b: a" % (b"1" * fields.MAX_REMEMBERED_NAME), 1)


@pytest.mark.parametrize("late", [b"Host: late", b"X-Late: 1", b"X-Name-%d: 1" % MAX_REMEMBERED])
def test_no_line_is_lost_when_the_memory_overflows_in_the_middle_of_a_head(table, late):
    known = [b"Authorization: secret", b"Host: known", b"Accept: */*"]
    table.sort(known)
    number = 0
    while len(table) < MAX_REMEMBERED:
        table.sort([b"X-Name-%d: 1" % number])
        number += 1
    plain, special = table.sort([*known, late])
    assert len(plain) + len(special) == 4
    assert plain[:2] == [b"Authorization: secret", b"Accept: */*"]
    assert special[0] == Line(b"host", b"known")


LINES = st.lists(
    st.sampled_from([b"Host: a", b"host: b", b"X_Forwarded_For: c", b"Accept: d", b"X-E: " + b"e" * 600, b"X-F:"])
    | st.integers(0, 50).map(lambda number: b"X-%d: g" % number),
    max_size=12,
)


@given(st.lists(LINES, max_size=30))
def test_what_was_seen_before_never_changes_the_result(heads):
    used, limit = LineTable(frozenset({b"host", b"x-forwarded-for"})), fields.MAX_REMEMBERED
    fields.MAX_REMEMBERED = 7
    try:
        for lines in heads:
            fresh = LineTable(used.special)
            assert used.sort(lines) == fresh.sort(lines)
    finally:
        fields.MAX_REMEMBERED = limit


@pytest.mark.parametrize(
    ("value", "members"),
    [
        (b"close", [b"close"]),
        (b"Keep-Alive , UPGRADE", [b"keep-alive", b"upgrade"]),
        (b" ,, a,\t,b ,", [b"a", b"b"]),
        (b"", []),
        (b"a b", [b"a b"]),
    ],
)
def test_a_list_has_members(value, members):
    assert tokens(value) == members
