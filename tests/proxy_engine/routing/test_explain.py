from __future__ import annotations

from proxy_engine.routing import explain

from .builders import a_route, a_service, a_table

REQUEST = {"method": b"GET", "host": b"a.test", "headers": {b"x-v": [b"1"]}, "port": 8000, "scheme": "http"}


def test_it_tells_who_won_and_where_the_request_goes():
    service = a_service(path="/up")
    route = a_route(paths=["/api"], service_id=service.id)
    told = explain(a_table(route, services=[service]), target=b"/api/%7ex?q=1", **REQUEST)
    assert told.match.route is route
    assert (told.path, told.query, told.upstream_path) == (b"/api/~x", b"?q=1", b"/up/~x")
    assert [(one.route, one.path, one.outcome) for one in told.verdicts] == [(route, "/api", "won")]


def test_it_tells_why_each_other_route_lost():
    off = a_service(name="billing", enabled=False)
    table = a_table(
        a_route(name="winner", paths=["/api"], methods=["GET"]),
        a_route(name="shorter", paths=["/"], methods=["GET"]),
        a_route(name="fewer kinds", paths=["/api/long"]),
        a_route(name="method", paths=["/api"], methods=["POST"]),
        a_route(name="host", hosts=["b.test:81"]),
        a_route(name="header", headers={"x-v": ["2", "~*[a-z]"]}),
        a_route(name="regex", paths=["~/v[0-9]"]),
        a_route(name="path and header", paths=["/b"], headers={"x-w": ["2"]}),
        a_route(name="off", paths=["/"], service_id=off.id),
        services=[off],
    )
    told = explain(table, target=b"/api/long", **REQUEST)
    reasons = {one.route.name: one.reasons for one in told.verdicts}
    assert reasons == {
        "winner": (),
        "shorter": ("outranked by winner: its path is longer by 3",),
        "fewer kinds": ("outranked by winner: it sets 2 kinds of condition, this one 1",),
        "method": ("method GET is not one of POST",),
        "host": ("host a.test (port 8000) is not one of b.test:81",),
        "header": ("header x-v is 1, not one of 2, ~*[a-z]",),
        "regex": ("path /api/long is not matched by ~/v[0-9]",),
        "path and header": ("header x-w is absent, not one of 2", "path /api/long does not begin with /b"),
        "off": ("its service billing is disabled",),
    }


def test_it_puts_the_winner_first_and_near_misses_before_far_ones():
    table = a_table(
        a_route(name="far", paths=["/b"], methods=["POST"]),
        a_route(name="near", paths=["/b"]),
        a_route(name="under", paths=["/"]),
        a_route(name="winner", paths=["/a"]),
    )
    told = explain(table, target=b"/a", **REQUEST)
    assert [one.route.name for one in told.verdicts] == ["winner", "under", "near", "far"]


def test_it_judges_each_path_of_a_route():
    told = explain(a_table(a_route(paths=["/a", "/ab", "/c"])), target=b"/abc", **REQUEST)
    assert [(one.path, one.outcome) for one in told.verdicts] == [
        ("/ab", "won"),
        ("/a", "outranked"),
        ("/c", "refused"),
    ]


def test_it_tells_no_more_than_asked_for_but_counts_all():
    told = explain(a_table(*[a_route(paths=[f"/{n}"]) for n in range(30)]), target=b"/7", limit=3, **REQUEST)
    assert (len(told.verdicts), told.considered) == (3, 30)


def test_it_tells_of_server_names():
    table = a_table(a_route(snis=["s.test"]))
    told = explain(table, target=b"/", sni="t.test", **REQUEST | {"scheme": "https"})
    assert told.verdicts[0].reasons == ("server name t.test is not one of s.test",)


def test_it_tells_why_a_request_is_refused_before_routing():
    told = explain(a_table(a_route(paths=["/"])), target=b"/../etc", **REQUEST)
    assert told.refusal == "the path climbs above /"
    assert (told.match, told.verdicts) == (None, ())
