"""Each kind of attribute: what it matches, then what it does not."""

from __future__ import annotations

import pytest

from proxy_engine.routing import RouteTable

from .builders import a_route, a_service, a_table, an_id, ask


def matches(route, path=b"/", **request):
    return ask(a_table(route), path, **request) is not None


def test_it_finds_the_route_and_its_service():
    service = a_service()
    route = a_route(paths=["/api"], service_id=service.id)
    match = ask(a_table(route, services=[service]), b"/api/users")
    assert (match.route, match.service, match.prefix, match.captures) == (route, service, b"/api", None)


def test_it_finds_routes_without_service():
    match = ask(a_table(a_route(paths=["/api"])), b"/api")
    assert match.service is None


def test_it_shares_one_match_among_requests():
    table = a_table(a_route(paths=["/api"]))
    assert ask(table, b"/api/a") is ask(table, b"/api/b")


def test_it_answers_none_when_nothing_matches():
    assert ask(a_table(a_route(paths=["/api"])), b"/other") is None
    assert ask(a_table(), b"/") is None


@pytest.mark.parametrize(
    ("prefix", "path"),
    [("/foo", b"/foo"), ("/foo", b"/foobar"), ("/foo", b"/foo/bar"), ("/", b"/x"), ("/é", "/éa".encode())],
)
def test_a_path_is_a_prefix_without_segment_boundary(prefix, path):
    assert matches(a_route(paths=[prefix]), path)


@pytest.mark.parametrize(
    ("prefix", "path"), [("/foo", b"/fo"), ("/foo", b"/Foo"), ("/foo/", b"/foo"), ("/foo", b"/fop")]
)
def test_a_prefix_is_compared_byte_by_byte(prefix, path):
    assert not matches(a_route(paths=[prefix]), path)


@pytest.mark.parametrize(
    ("host", "header"),
    [
        ("example.com", b"example.com"),
        ("example.com", b"example.com:8443"),
        ("example.com", b"EXAMPLE.Com"),
        ("example.com", b"example.com."),
        ("example.com", b"Example.COM.:80"),
        ("Example.com.", b"example.com"),
        ("*.example.com", b"a.example.com"),
        ("*.example.com", b"a.b.example.com:9"),
        ("*.example.com", b"A.EXAMPLE.com."),
        ("example.*", b"example.org"),
        ("example.*", b"example.co.uk"),
        ("example.com:8443", b"example.com:8443"),
        ("example.com:8000", b"example.com"),
        ("*.example.com:81", b"a.example.com:81"),
        ("example.*:81", b"example.org:81"),
        ("127.0.0.1", b"127.0.0.1:8000"),
        ("[::1]", b"[::1]:8000"),
        ("::1", b"[::1]"),
        ("[::1]:81", b"[::1]:81"),
    ],
)
def test_it_matches_hosts_whatever_their_spelling(host, header):
    assert matches(a_route(hosts=[host]), host=header, port=8000)


@pytest.mark.parametrize(
    ("host", "header"),
    [
        ("example.com", b"example.org"),
        ("example.com", b"www.example.com"),
        ("example.com", b""),
        ("example.com", b"example.com.."),
        ("*.example.com", b"example.com"),
        ("*.example.com", b".example.com"),
        ("*.example.com", b"badexample.com"),
        ("example.*", b"example"),
        ("example.*", b"www.example.org"),
        ("example.com:8443", b"example.com"),
        ("example.com:8443", b"example.com:8444"),
        ("example.com:8443", b"example.com:"),
        ("example.com:8443", b"example.com:99999999"),
        ("example.com:8443", b"example.com:x"),
        ("*.example.com:81", b"a.example.com:82"),
        ("[::1]:81", b"[::1]:82"),
    ],
)
def test_it_does_not_match_other_hosts(host, header):
    assert not matches(a_route(hosts=[host]), host=header, port=8000)


def test_one_of_several_hosts_suffices():
    route = a_route(hosts=["a.test", "*.b.test", "c.test:81"])
    for header in (b"a.test", b"x.b.test", b"c.test:81"):
        assert matches(route, host=header)
    assert not matches(route, host=b"c.test:82")


def test_many_labels_cost_no_more_look_ups_than_the_longest_wildcard_has():
    table = a_table(a_route(hosts=["*.example.com"]))
    assert ask(table, host=b"a." * 4000 + b"example.com") is not None


def test_it_goes_on_finding_hosts_when_many_made_up_ones_were_asked_for():
    table = a_table(a_route(hosts=["*.example.com"]))
    for number in range(5000):
        assert ask(table, host=b"h%d.example.com" % number) is not None
        assert ask(table, host=b"h%d.example.org" % number) is None


def test_methods_are_exact():
    route = a_route(methods=["GET", "PURGE"])
    assert matches(route, method=b"PURGE")
    assert not matches(route, method=b"POST")
    assert not matches(route, method=b"get")


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"X-Tenant": ["acme"]}, {b"x-tenant": [b"acme"]}),
        ({"x-tenant": ["ACME"]}, {b"x-tenant": [b"aCme"]}),
        ({"x-tenant": ["a", "b"]}, {b"x-tenant": [b"z", b"b"]}),
        ({"x-tenant": ["a"]}, {b"x_tenant": [b"a"]}),
        ({"x_tenant": ["a"]}, {b"x-tenant": [b"a"]}),
        ({"x-a": ["1"], "x-b": ["2"]}, {b"x-a": [b"1"], b"x-b": [b"2"]}),
        ({"x-v": ["~*^v[0-9]+$"]}, {b"x-v": [b"V12"]}),
        ({"x-v": ["~*\\Sx"]}, {b"x-v": [b"in the axle"]}),
        ({"x-v": ["plain", "~*b+"]}, {b"x-v": [b"abba"]}),
    ],
)
def test_it_matches_headers(asked, sent):
    assert matches(a_route(headers=asked), headers=sent)


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"x-tenant": ["acme"]}, {}),
        ({"x-tenant": ["acme"]}, {b"x-tenant": [b"acme2"]}),
        ({"x-a": ["1"], "x-b": ["2"]}, {b"x-a": [b"1"]}),
        ({"x-v": ["~*^v[0-9]+$"]}, {b"x-v": [b"v"]}),
    ],
)
def test_every_header_named_must_have_one_of_the_values(asked, sent):
    assert not matches(a_route(headers=asked), headers=sent)


def test_headers_are_read_once_and_only_when_a_route_looks_at_them():
    reads = []

    def headers():
        reads.append(1)
        return {b"x": [b"9"]}

    table = a_table(
        a_route(paths=["/plain"]), *[a_route(paths=["/h"], headers={"x": [str(number)]}) for number in range(5)]
    )
    assert table.match(b"GET", b"h", b"/plain", headers, 80, "http", None) is not None
    assert reads == []
    assert table.match(b"GET", b"h", b"/h", headers, 80, "http", None) is None
    assert reads == [1]


@pytest.mark.parametrize("sni", ["a.test", "A.test.", "x.b.test"])
def test_it_matches_server_names_on_tls(sni):
    assert matches(a_route(snis=["a.test", "*.b.test"]), scheme="https", sni=sni)


@pytest.mark.parametrize("sni", ["c.test", "b.test", None])
def test_it_does_not_match_other_server_names_on_tls(sni):
    assert not matches(a_route(snis=["a.test", "*.b.test"]), scheme="https", sni=sni)


def test_plain_requests_pass_the_condition_on_server_names():
    assert matches(a_route(snis=["a.test"]), scheme="http")


def test_regular_expressions_are_anchored_at_the_start_only():
    route = a_route(paths=["~/v[0-9]+"])
    assert ask(a_table(route), b"/v12/users").prefix == b"/v12"
    assert not matches(route, b"/x/v12")
    assert not matches(a_route(paths=["~/v[0-9]+$"]), b"/v12/users")


@pytest.mark.parametrize("path", ["~/a|/b", "~/(?:a|b)", "~/[ab]"])
def test_both_branches_of_an_alternative_are_anchored(path):
    route = a_route(paths=[path])
    assert matches(route, b"/a")
    assert matches(route, b"/b")
    assert not matches(route, b"/x/b")


def test_regular_expressions_capture_by_number_and_name():
    table = a_table(a_route(paths=[r"~/users/(?<id>\d+)/(\w+)(/x)?"]))
    assert ask(table, b"/users/42/posts").captures == {"1": b"42", "id": b"42", "2": b"posts"}


def test_regular_expressions_take_bytes_that_are_no_utf8():
    assert matches(a_route(paths=[r"~/files/.*\.json"]), b"/files/\xff.json")


def test_regular_expressions_may_hold_other_than_ascii():
    assert matches(a_route(paths=["~/caf[éè]/"]), "/café/x".encode())


def test_a_regular_expression_that_would_explode_elsewhere_takes_linear_time():
    assert not matches(a_route(paths=["~/(a+)+$"]), b"/" + b"a" * 100_000 + b"!")


def test_routes_of_disabled_services_do_not_exist():
    service = a_service(enabled=False)
    over = a_route(paths=["/api"], service_id=service.id)
    under = a_route(paths=["/"])
    assert ask(a_table(over, under, services=[service]), b"/api").route is under


def test_stream_routes_are_passed_over():
    table = a_table(a_route(protocols=("tcp",), snis=["a.test"]))
    assert ask(table, scheme="https", sni="a.test") is None
    assert table.problems == []


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"paths": ["~/("]}, "missing )"),
        ({"paths": ["/fine", "~/(?=x)"]}, "invalid perl operator"),
        ({"headers": {"x": ["~*["]}}, "missing ]"),
        ({"hosts": ["a.*.b"]}, "may have one"),
        ({"hosts": ["a:port"]}, "is not a host"),
        ({}, "none of methods, hosts, headers, paths and snis"),
        ({"paths": ["/fine"], "service_id": an_id(99)}, "does not exist"),
    ],
)
def test_a_route_that_cannot_work_is_left_out_and_the_rest_works(broken, reason):
    bad, good = a_route(**broken), a_route(paths=["/fine"])
    table = a_table(bad, good)
    [(route_id, message)] = table.problems
    assert route_id == bad.id
    assert reason in message
    assert ask(table, b"/fine").route is good


def test_a_thousand_tenants_told_apart_by_a_header_are_looked_up():
    tenants = [a_route(paths=["/"], headers={"x-tenant": [f"t{number}"]}) for number in range(1000)]
    other = a_route(paths=["/"], headers={"x-other": ["1"]})
    table = a_table(*tenants, other)
    assert ask(table, headers={b"x-tenant": [b"T77"]}).route is tenants[77]
    assert ask(table, headers={b"x-tenant": [b"nobody"]}) is None
    assert ask(table, headers={b"x-tenant": [b"nobody"], b"x-other": [b"1"]}).route is other
    assert ask(table, headers={b"x-tenant": [b"t3", b"t5"]}).route is tenants[5]


def test_an_empty_table_is_built_of_nothing():
    assert len(RouteTable.build([], {})) == 0


def test_problems_follow_services_that_come_and_go():
    service, other = a_service(), a_service()
    route, fine = a_route(paths=["/a"], service_id=service.id), a_route(paths=["/b"], service_id=other.id)
    table = a_table(route, fine, services=[other])
    assert [id for id, _ in table.problems] == [route.id]

    both = {entity.id: entity for entity in (service, other)}
    table = table.with_changes(services=both)
    assert table.problems == []
    table = table.with_changes(services={service.id: service})
    assert [id for id, _ in table.problems] == [fine.id]
    table = table.with_changes(upserts=[a_route(id=fine.id, paths=["/b"], service_id=service.id)])
    assert table.problems == []
    table = table.with_changes(services={})
    assert {id for id, _ in table.problems} == {route.id, fine.id}
    assert table.with_changes(removed_ids=[route.id, fine.id]).problems == []
