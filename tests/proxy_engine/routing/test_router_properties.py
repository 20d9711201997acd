"""The table against the slow, obvious router; a changed table against one built anew; explain against both."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_engine.routing import RouteTable, explain

from .builders import a_route, a_service, an_id
from .reference_router import route_for

PATHS = ["/", "/a", "/a/", "/ab", "/a/b", "/a/bc", "/ab/c", "/b", "~/a", "~/a/b", "~/a(b|/)c?", "~/.b$", "~/b|/a"]
HOSTS = ["a.test", "b.a.test", "*.a.test", "*.test", "a.*", "a.test:8000", "*.test:81", "b.a.test:81"]
SERVICES = {name: a_service(id=name, enabled=name != "off") for name in ("on", "off")}


def subsets(values, most=2):
    return st.lists(st.sampled_from(values), max_size=most, unique=True)


ROUTES = st.builds(
    lambda number, **attributes: a_route(id=an_id(number), **attributes),
    st.integers(0, 30),
    methods=subsets(["GET", "POST"], 1),
    hosts=subsets(HOSTS),
    paths=subsets(PATHS, 3),
    headers=st.dictionaries(
        st.sampled_from(["x-a", "x-b"]), st.lists(st.sampled_from(["1", "2", "Q"]), min_size=1, max_size=2), max_size=2
    ),
    snis=subsets(["s.test", "*.s.test"], 1),
    regex_priority=st.integers(-1, 1),
    service_id=st.sampled_from([None, "on", "on", "off"]),
)
TABLES = st.lists(ROUTES, max_size=12, unique_by=lambda route: route.id)
REQUESTS = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "POST"]),
        "host": st.sampled_from(
            ["a.test", "B.A.TEST", "c.b.a.test.:81", "a.org", "a.test:81", "x.test", "", "b.a.test:81"]
        ),
        "path": st.text(st.sampled_from("ab/c"), max_size=6).map(lambda text: "/" + text),
        "headers": st.dictionaries(
            st.sampled_from(["x-a", "x-b"]), st.lists(st.sampled_from(["1", "2", "q"]), min_size=1, max_size=2)
        ),
        "tls": st.booleans(),
        "sni": st.sampled_from(["", "s.test", "t.s.test"]),
    }
)


def asked(table, request):
    headers = {name.encode(): [value.encode() for value in values] for name, values in request["headers"].items()}
    scheme = "https" if request["tls"] else "http"
    return {
        "method": request["method"].encode(),
        "host": request["host"].encode(),
        "port": 8000,
        "scheme": scheme,
        "sni": request["sni"] or None,
    }, headers


def answer(table, request):
    facts, headers = asked(table, request)
    match = table.match(path=request["path"].encode(), headers=lambda: headers, **facts)
    return None if match is None else (match.route, match.prefix.decode())


def usable(routes):
    live = [route for route in routes if route.service_id != "off"]
    return [route for route in live if route.methods or route.hosts or route.headers or route.paths or route.snis]


@settings(max_examples=600, deadline=None)
@given(TABLES, st.lists(REQUESTS, min_size=1, max_size=5))
def test_the_table_agrees_with_the_obvious_router(routes, requests):
    table = RouteTable.build(routes, SERVICES)
    for request in requests:
        assert answer(table, request) == route_for(usable(routes), **request)


@settings(max_examples=400, deadline=None)
@given(TABLES, st.lists(REQUESTS, min_size=2, max_size=8))
def test_on_a_stretch_all_paths_have_one_match(routes, requests):
    table = RouteTable.build(routes, SERVICES)
    first, *others = requests
    stretch = table.stretch(first["method"].encode(), first["host"].encode(), first["path"].encode())
    if stretch is None:
        return
    low, high = stretch
    assert low <= first["path"].encode() < high
    for other in others:
        if low <= other["path"].encode() < high:
            assert answer(table, other | {"method": first["method"], "host": first["host"]}) == answer(table, first)


@settings(max_examples=300, deadline=None)
@given(
    TABLES,
    st.lists(st.tuples(TABLES, st.sets(st.integers(0, 30), max_size=4)), max_size=4),
    st.lists(REQUESTS, min_size=1, max_size=4),
)
def test_a_changed_table_is_the_table_built_anew(routes, edits, requests):
    table = RouteTable.build(routes, SERVICES)
    known = {route.id: route for route in routes}
    before = [answer(table, request) for request in requests]
    first = table
    for upserts, numbers in edits:
        removed = [an_id(number) for number in numbers]
        table = table.with_changes(upserts=upserts, removed_ids=removed)
        known = {key: value for key, value in known.items() if key not in removed}
        known |= {route.id: route for route in upserts}
        fresh = RouteTable.build(known.values(), SERVICES)
        for request in requests:
            assert answer(table, request) == answer(fresh, request)
        assert sorted(table.problems) == sorted(fresh.problems)
    assert [answer(first, request) for request in requests] == before


@settings(max_examples=200, deadline=None)
@given(TABLES, REQUESTS)
def test_switching_a_service_off_takes_its_routes_out(routes, request):
    table = RouteTable.build(routes, SERVICES)
    swapped = {name: a_service(id=name, enabled=name == "off") for name in SERVICES}
    assert answer(table.with_changes(services=swapped), request) == answer(RouteTable.build(routes, swapped), request)


@settings(max_examples=400, deadline=None)
@given(TABLES, REQUESTS)
def test_explain_agrees_with_match(routes, request):
    table = RouteTable.build(routes, SERVICES)
    facts, headers = asked(table, request)
    told = explain(table, target=request["path"].encode(), headers=headers, **facts)
    if told.refusal:
        return
    match = table.match(path=told.path, headers=lambda: headers, **facts)
    winners = [verdict for verdict in told.verdicts if verdict.outcome == "won"]
    assert [verdict.route for verdict in winners] == ([match.route] if match else [])
    holding = [verdict for verdict in told.verdicts if verdict.outcome != "refused"]
    assert bool(holding) == bool(match)
    for verdict in told.verdicts:
        assert bool(verdict.reasons) == (verdict.outcome != "won")
