"""Which of several matching routes wins: the documented order of Kong, criterion by criterion."""

from __future__ import annotations

import pytest

from .builders import a_route, a_table, an_id, ask

REQUEST = {
    "path": b"/api/users",
    "method": b"GET",
    "host": b"www.example.com",
    "headers": {b"x-a": [b"1"], b"x-b": [b"2"]},
}
A, B = {"x-a": ["1"]}, {"x-b": ["2"]}
HOST, WILD = ["www.example.com"], ["*.example.com"]

CASES = {
    "more kinds before plain hosts": ({"methods": ["GET"], "paths": ["/"]}, {"hosts": HOST}),
    "more kinds before a longer path": ({"hosts": HOST, "paths": ["/"]}, {"paths": ["/api/users"]}),
    "more kinds before a regex": ({"hosts": WILD, "paths": ["/"]}, {"paths": ["~/api/.*"], "regex_priority": 99}),
    "the number of values does not count": (
        {"methods": ["GET"], "paths": ["/api"]},
        {"methods": ["GET", "PUT", "POST"], "paths": ["/"]},
    ),
    "plain hosts before wildcards": ({"hosts": HOST, "paths": ["/"]}, {"hosts": WILD, "paths": ["~/api/.*"]}),
    "plain hosts before none": ({"hosts": HOST, "paths": ["/"]}, {"methods": ["GET"], "paths": ["/api/users"]}),
    "one wildcard spoils plain hosts": (
        {"hosts": HOST, "paths": ["/"]},
        {"hosts": [*HOST, "*.test"], "paths": ["/api/users"]},
    ),
    "more header names before a regex": (
        {"headers": A | B, "paths": ["/"]},
        {"headers": A, "paths": ["~/api/.*"]},
    ),
    "a regex before a prefix": ({"paths": ["~/a"]}, {"paths": ["/api/users"]}),
    "higher regex_priority": (
        {"paths": ["~/a"], "regex_priority": 2},
        {"paths": ["~/api/users$"], "regex_priority": 1},
    ),
    "zero before a negative regex_priority": (
        {"paths": ["~/a"]},
        {"paths": ["~/api/users$"], "regex_priority": -1},
    ),
    "regex_priority means nothing on prefixes": (
        {"paths": ["/api/u"], "regex_priority": 0},
        {"paths": ["/api"], "regex_priority": 9},
    ),
    "the longer prefix": ({"paths": ["/api/u"]}, {"paths": ["/api"]}),
    "each path of a route ranks on its own": ({"paths": ["/api/"]}, {"paths": ["/api", "/something/very/long"]}),
}


@pytest.mark.parametrize(("winner", "loser"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("winner_has_larger_id", [True, False])
def test_it_follows_the_documented_order(winner, loser, winner_has_larger_id):
    ids = (an_id(2), an_id(1)) if winner_has_larger_id else (an_id(1), an_id(2))
    first, second = a_route(id=ids[0], **winner), a_route(id=ids[1], **loser)
    for table in (a_table(first, second), a_table(second, first)):
        assert ask(table, **REQUEST).route is first


def test_otherwise_the_larger_id_wins():
    small, large = a_route(id=an_id(0x9F), paths=["/"]), a_route(id=an_id(0xA0), paths=["/"])
    assert ask(a_table(large, small)).route is large
    assert ask(a_table(small, large)).route is large


def test_of_one_routes_regexes_the_first_listed_wins():
    table = a_table(a_route(paths=["~/a(?<first>.)", "~/ab(?<second>.)"]))
    assert "first" in ask(table, b"/abc").captures


def test_the_next_in_rank_wins_when_the_first_does_not_hold():
    first = a_route(paths=["/api"], methods=["POST"])
    second = a_route(paths=["/api"], headers={"x": ["1"]})
    third = a_route(paths=["/"])
    table = a_table(first, second, third)
    assert ask(table, b"/api", method=b"POST").route is first
    assert ask(table, b"/api", headers={b"x": [b"1"]}).route is second
    assert ask(table, b"/api").route is third


def test_routes_under_other_host_patterns_are_looked_at_only_where_they_could_outrank():
    plain = a_route(hosts=["a.test"], paths=["/"])
    wild = a_route(hosts=["*.test"], paths=["/"], methods=["GET"])
    anywhere = a_route(paths=["/"], methods=["GET"], headers={"x": ["1"]}, snis=["s.test"])
    table = a_table(plain, wild, anywhere)
    assert ask(table, host=b"a.test", method=b"PUT").route is plain
    assert ask(table, host=b"a.test").route is wild
    assert ask(table, host=b"a.test", headers={b"x": [b"1"]}).route is anywhere
