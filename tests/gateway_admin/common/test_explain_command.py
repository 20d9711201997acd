"""``manage.py explain``: the table it prints, and its exit code."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.gateway_admin.builders import a_route, a_service, a_target, an_upstream, to

pytestmark = pytest.mark.django_db


@pytest.fixture
def pool():
    upstream = an_upstream(name="pool")
    service = a_service(name="orders", host="pool", retries=1)
    a_route(name="orders", paths=["/api"], hosts=["a.test"], service=to(service))
    return upstream


def explain(*arguments):
    """Exit code and lines, their columns separated by one space."""
    out, code = StringIO(), 0
    try:
        call_command("explain", *arguments, stdout=out)
    except SystemExit as end:
        code = end.code
    return code, [" ".join(line.split()) for line in out.getvalue().splitlines()]


def test_it_prints_the_way_of_a_request(pool):
    a_target(pool, target="10.0.0.1:81")
    a_route(name="other", paths=["/other"])

    code, lines = explain("GET", "http://a.test/api/x?q=1")

    assert code == 0
    assert lines[1:7] == [
        "route orders",
        "service orders",
        "upstream pool, round-robin",
        "path /x?q=1",
        "retries 1, after: connect, connect timeout, stale connection, connection lost, bad response",
        "timeouts connect 60000 ms, write 60000 ms, read 60000 ms",
    ]
    assert "10.0.0.1:81 100.00 % /x?q=1 10.0.0.1:81" in lines
    assert "orders /api won" in lines
    assert "other /other refused path /api/x does not begin with /other" in lines


def test_times_and_answers_to_try_again_are_those_that_apply():
    rules = {"connections": {"connect_timeout": 500}, "retry": {"statuses": [503], "total_timeout": 900}}
    a_target(an_upstream(name="pool", **rules))
    a_route(paths=["/api"], service=to(a_service(host="pool", retries=1)))

    _, lines = explain("GET", "http://a.test/api")

    assert lines[5].endswith("bad response, 503")
    assert lines[6] == "timeouts connect 500 ms, write 60000 ms, read 60000 ms, all tries 900 ms"


def test_limits_are_those_of_the_environment(pool, monkeypatch):
    monkeypatch.setenv("GATEWAY_LIMIT_REQUEST_LINE_BYTES", "256")

    _, lines = explain("GET", "http://a.test/api/" + "x" * 256)

    assert "because the request line is too long" in lines


def test_a_target_that_is_not_eligible_says_why(pool):
    a_target(pool, target="10.0.0.1:81", enabled=False)

    code, lines = explain("GET", "http://a.test/api")

    assert code == 0
    assert "answer 503 failure to get a peer from the ring-balancer" in lines
    assert "because no target of the upstream pool is ready" in lines
    assert "10.0.0.1:81 - / 10.0.0.1:81 disabled" in lines


def test_without_a_match_the_exit_code_is_1(pool):
    code, lines = explain("GET", "http://b.test/api")

    assert code == 1
    assert "answer 404 no Route matched with those values" in lines
    assert lines[-1] == "orders /api refused host b.test (port 80) is not one of a.test"


def test_a_request_that_is_refused_before_routing_has_no_match():
    code, lines = explain("GET", "/../etc")

    assert (code, lines[-1]) == (1, "because the path climbs above /")


def test_headers_are_given_as_to_curl():
    a_route(name="v2", hosts=["c.test"], headers={"x-version": ["2"]}, paths=None)

    assert explain("GET", "/", "-H", "X-Version: 2", "-H", "host: c.test")[0] == 0
    assert explain("GET", "http://c.test/", "-H", "X-Version: 1", "--header", "X-Version:2")[0] == 0
    assert explain("GET", "/", "-H", "host: c.test")[0] == 1


def test_the_port_of_the_listener_counts():
    a_route(hosts=["a.test:8000"], paths=None)

    assert explain("GET", "http://a.test/", "--port", "8000")[0] == 0
    assert explain("GET", "http://a.test/")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["GET", "elsewhere"], "url"),
        (["GET", "/", "-H", "no colon"], "-H"),
        (["GET", "/", "--client-ip", "here"], "clientIp"),
        (["GET", "/", "--port", "70000"], "port"),
    ],
)
def test_what_is_no_question_is_refused(arguments, field):
    with pytest.raises(CommandError, match=field) as refused:
        explain(*arguments)

    assert refused.value.returncode == 2
