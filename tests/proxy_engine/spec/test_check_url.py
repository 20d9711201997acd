"""One URL for a whole check: what it stands for, and one refusal per mistake."""

import pytest

from proxy_engine import spec
from proxy_engine.spec.check_url import PARAMETERS, USUAL, read_check_url
from proxy_engine.spec.health_fields import CHECK_TYPES
from proxy_engine.spec.schema import nest


def checked(url):
    """The whole upstream that has this check."""
    patch, problems = read_check_url(url, "check_url")
    assert problems == []
    result = spec.check("upstreams", spec.merge("upstreams", spec.defaults("upstreams") | {"name": "a"}, patch))
    assert result.problems == []
    return result.values


def check_and_probe(url):
    values = checked(url)
    return values["healthchecks"]["active"], values["probe"]


@pytest.mark.parametrize("kind", CHECK_TYPES)
def test_the_shortest_url_is_a_check_that_acts(kind):
    values = checked(f"{kind}://")
    built = spec.to_spec("upstreams", {"id": "x"} | values)
    assert built.healthchecks.active.type == kind
    assert built.healthchecks.active.can_fail
    assert built.healthchecks.active.can_recover


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://_/health", {"http_path": "/health", "type": "http"}),
        ("http://", {"http_path": "/"}),
        ("http://_/?interval=2s", {"healthy": {"interval": 2}, "unhealthy": {"interval": 2}}),
        ("http://_/?unhealthy_interval=1&interval=500ms", {"healthy": {"interval": 0.5}, "unhealthy": {"interval": 1}}),
        ("http://_/?interval=1m&timeout=1.5s", {"healthy": {"interval": 60}, "timeout": 1.5}),
        ("http://_/?failures=2&timeouts=0", {"unhealthy": {"http_failures": 2, "tcp_failures": 2, "timeouts": 0}}),
        ("http://_/?status=200-202,301", {"healthy": {"http_statuses": [200, 201, 202, 301]}}),
        ("http://_/?bad_status=500", {"unhealthy": {"http_statuses": [500]}}),
        ("https://_/?verify=off&sni=a.example", {"https_verify_certificate": False, "https_sni": "a.example"}),
        ("http://_/?header=X-A:1&header=X-A:2&header=X-B:%203", {"headers": {"X-A": ["1", "2"], "X-B": ["3"]}}),
        ("tcp://_?concurrency=3&successes=1", {"concurrency": 3, "healthy": {"successes": 1}}),
    ],
)
def test_it_sets_the_fields_of_kongs_check(url, expected):
    active, _ = check_and_probe(url)
    assert (
        spec.merge("upstreams", {"healthchecks": {"active": active}}, {"healthchecks": {"active": expected}})[
            "healthchecks"
        ]["active"]
        == active
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://shop.example/", {"host": "shop.example", "port": None}),
        ("http://Shop.example:8080/", {"host": "Shop.example", "port": 8080}),
        ("http://[::1]:81/", {"host": "[::1]", "port": 81}),
        ("http://_:81/", {"host": None, "port": 81}),
        ("tcp://db.example:5432", {"host": None, "port": 5432}),
        ("http://_/?method=post&body=a%20b", {"method": "POST", "body": "a b"}),
        ("http://_/?contains=UP&matches=%5EUP&json=a=1&json=b.0=x", {"matches": "^UP", "json": ["a=1", "b.0=x"]}),
        ("grpc:///orders.v1.Orders", {"grpc_service": "orders.v1.Orders"}),
        ("grpcs://a.example", {"grpc_service": None, "host": "a.example"}),
        ("http://_/?jitter=10&start_unhealthy=on", {"jitter": 10, "start_unhealthy": True}),
    ],
)
def test_it_sets_the_fields_of_ours(url, expected):
    _, probe = check_and_probe(url)
    assert probe | expected == probe


def test_what_it_does_not_name_is_usual_or_default():
    values = checked("http://_/")
    expected = spec.merge("upstreams", spec.defaults("upstreams") | {"name": "a"}, nest(USUAL))
    assert values == expected


def test_what_stood_there_before_is_gone():
    before = {"probe": {"contains": "old"}, "healthchecks": {"active": {"headers": {"x": ["y"]}}}}
    patch, _ = read_check_url("http://_/", "check_url")
    merged = spec.merge("upstreams", spec.merge("upstreams", spec.defaults("upstreams"), before), patch)
    assert merged["probe"]["contains"] is None
    assert merged["healthchecks"]["active"]["headers"] is None
    assert merged["healthchecks"]["threshold"] == 0


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (7, "expected a string"),
        ("/health", "must start with one of: grpc://, grpcs://, http://, https://, tcp://"),
        ("ftp://_/", "must start with"),
        ("http:_/", "must start with"),
        ("http://a b/", "spaces or control characters"),
        ("http://_/\n", "spaces or control characters"),
        ("http://user@_/", "must not have a user"),
        ("http://_/#x", "fragment"),
        ("http://_:99999/", "Port out of range"),
        ("http://_:0/", "port: value should be between 1 and 65535"),
        ("http://[::1/", "Invalid IPv6 URL"),
        ("http://a..b/", "host: invalid hostname"),
        ("http://_/a//b", "http_path: must not have empty segments"),
        ("tcp://_/path", "asks for no path"),
        ("http://_/?intervall=5", "unknown parameter 'intervall'; known are: interval,"),
        ("http://_/?interval", "bad query field"),
        ("http://_/?interval=", "interval: expected a time such as 5s or 500ms"),
        ("http://_/?interval=-1", "interval: expected a time"),
        ("http://_/?interval=1e3", "interval: expected a time"),
        ("http://_/?interval=99h", "interval: value should be between 0 and 65535"),
        ("http://_/?failures=300", "failures: value should be between 0 and 255"),
        ("http://_/?failures=1.5", "failures: expected a whole number"),
        ("http://_/?status=20", "status: expected statuses such as 200,302 or 200-299"),
        ("http://_/?status=300-200", "status: expected statuses"),
        ("http://_/?status=200,", "status: expected a whole number"),
        ("http://_/?interval=1&interval=2", "'interval' is given twice"),
        ("http://_/?verify=on", "'verify' has no effect on a http check"),
        ("tcp://_?status=200", "'status' has no effect on a tcp check"),
        ("https://_/?verify=perhaps", "verify: expected on or off"),
        ("http://_/?method=BREW", "method: expected one of"),
        ("http://_/?matches=(", "matches: invalid regex"),
        ("http://_/?json=x", "json: expected path=value"),
        ("http://_/?header=x", "header: expected Name:value"),
        ("http://_/?jitter=51", "jitter: value should be between 0 and 50"),
    ],
)
def test_a_mistake_is_named(url, words):
    patch, problems = read_check_url(url, "check_url")
    assert patch == {}
    assert {problem.path for problem in problems} == {("check_url",)}
    assert words in problems[0].message
    assert len(problems) == len(set(problems))


def test_a_flood_of_parameters_is_refused():
    patch, problems = read_check_url("http://_/?" + "&".join(["json=a=1"] * 5000), "check_url")
    assert patch == {}
    assert "Max number of fields exceeded" in problems[0].message


def test_every_parameter_names_a_field_that_exists():
    defaults = spec.defaults("upstreams")
    for parameter in PARAMETERS.values():
        for path in parameter.fields:
            found = defaults
            for step in path.split("."):
                found = found[step]
