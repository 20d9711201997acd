"""Requests that go the way of the one before: whatever a course takes, a target gets what it would have got without."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_engine.errors import BadMessage
from proxy_engine.http.limits import DEFAULTS
from proxy_engine.http.request import RequestHead, read_head
from proxy_engine.proxy.course import Course
from proxy_engine.proxy.forward import Peer
from proxy_engine.proxy.prepare import Forward, Refusal, prepare
from tests.proxy_engine.builders import values
from tests.proxy_engine.test_runtime import Bench

UPSTREAM = values("upstreams", name="pool.test")
TARGET = values("targets", target="10.0.0.1:8001", upstream={"id": UPSTREAM["id"]})
SERVICE = values("services", host="pool.test")
HASHING = {"algorithm": "consistent-hashing", "hash_on": "header", "hash_on_header": "X-Id"}
PATHS = ["/a", "/a/b/", "/a/b/c", "/"]
ID = b"id: 1\r\n\r\n"


def a_route(*paths: str, service: dict = SERVICE, **given) -> tuple[str, dict]:
    return "routes", values("routes", paths=list(paths), service={"id": service["id"]}, **given)


def a_runtime(*routes: tuple[str, dict], upstream: dict | None = None, path: str | None = None):
    service = ("services", SERVICE | ({"path": path} if path else {}))
    return Bench().apply(("upstreams", UPSTREAM | (upstream or {})), ("targets", TARGET), service, *routes)


def a_peer(**given) -> Peer:
    return Peer("192.0.2.7", **{"scheme": "http", "port": 8000, "is_trusted": False} | given)


def raw(target: bytes = b"/a", value: bytes = b"1", *more: bytes, method: bytes = b"GET") -> bytes:
    lines = (b"Host: a.test", b"Accept: */*", b"X-Id: " + value, *more, b"Cookie: c=d")
    return b"%b %b HTTP/1.1\r\n%b\r\n\r\n" % (method, target, b"\r\n".join(lines))


def read(data: bytes, known=None) -> RequestHead:
    """As a connection reads a request that is here as a whole."""
    line_end, end = data.find(b"\r\n"), data.find(b"\r\n\r\n") + 4
    if end < 4 or line_end <= 0 or end - 4 > DEFAULTS.head_bytes:
        raise BadMessage(400)
    middle = known.middle_of(data, line_end, end) if known is not None else None
    return read_head(data, line_end, end, known, middle, DEFAULTS)


def course_after(runtime, *requests: bytes, peer: Peer | None = None) -> Course:
    """Of the last of these requests of one connection."""
    known = None
    for request in requests:
        head = read(request, known)
        known = head.block
    forward = prepare(runtime, peer or a_peer(), head)
    assert isinstance(forward, Forward)
    return Course(forward, peer or a_peer())


def usual_course(runtime, *more: bytes) -> Course:
    return course_after(runtime, raw(b"/a/1", b"1", *more), raw(b"/a/2", b"2", *more), raw(b"/a/3", b"3", *more))


def sent(forward: Forward) -> bytes:
    (link,) = forward.plan.links.values()
    return forward.render(link, ID)


def sent_anew(runtime, request: bytes, peer: Peer | None = None) -> bytes:
    return sent(prepare(runtime, peer or a_peer(), read(request)))


CONFIGURATIONS = {
    "kept": a_runtime(a_route(*PATHS, strip_path=False)),
    "stripped": a_runtime(a_route(*PATHS)),
    "below a path of the service": a_runtime(a_route(*PATHS), path="/up"),
    "kept below a path of the service": a_runtime(a_route(*PATHS, strip_path=False), path="/up/"),
    "with the client's host": a_runtime(a_route("/a", preserve_host=True)),
    "with an odd prefix": a_runtime(a_route("/a b"), a_route("/")),
}


class TestTakes:
    @pytest.mark.parametrize("target", [b"/a/4", b"/a/b/c/d", b"/a/4?q=/..//%41", b"/a", b"/a/", b"/a/~:@!$&'()*+,="])
    @pytest.mark.parametrize("name", CONFIGURATIONS)
    def test_another_path_and_value(self, name, target):
        runtime = CONFIGURATIONS[name]
        course = course_after(runtime, *(raw(target, b"%d" % number) for number in range(3)))
        request = raw(target, b"another")
        if course.takes(request, runtime):
            assert sent(course) == sent_anew(runtime, request)
        else:  # what is stripped ends with the prefix: nothing is left, or something without a slash
            assert name != "kept"

    def test_a_path_on_the_same_stretch(self):
        runtime = CONFIGURATIONS["kept"]
        course = usual_course(runtime)
        for target in (b"/a/4", b"/a/a/longer/than/before", b"/a"):
            request = raw(target, b"4")
            assert course.takes(request, runtime) == len(request)
            assert sent(course) == sent_anew(runtime, request)
            assert (course.head.target, course.head.field(b"x-id")) == (target, b"4")

    def test_a_body_as_long_as_the_last_one(self):
        runtime = CONFIGURATIONS["kept"]
        course = usual_course(runtime, b"Content-Length: 4")
        head = raw(b"/a/4", b"4", b"Content-Length: 4")
        assert course.takes(head + b"body", runtime) == len(head)
        assert sent(course) == sent_anew(runtime, head)

    def test_lines_that_come_and_go(self):
        runtime = CONFIGURATIONS["kept"]
        course = course_after(runtime, raw(b"/a", b"1"), raw(b"/a", b"2", b"X-More: 1"), raw(b"/a", b"3"))
        request = raw(b"/a/4", b"4", b"X-More: 2", b"X-Id: 5")
        assert course.takes(request, runtime) == len(request)
        assert sent(course) == sent_anew(runtime, request)


LEFT = [
    ("another method", raw(b"/a/4", method=b"PUT")),
    ("another version", raw(b"/a/4").replace(b"HTTP/1.1", b"HTTP/1.0")),
    ("no version", raw(b"/a/4").replace(b" HTTP/1.1", b"")),
    ("an absolute target", raw(b"http://b.test/a/4")),
    ("another route", raw(b"/a/b/4")),
    ("a path behind the stretch", raw(b"/b")),
    ("a path that is no normal one", raw(b"/a/./4")),
    ("two slashes", raw(b"/a//4")),
    ("an encoded path", raw(b"/a/%62")),
    ("a high byte", raw(b"/a/\xff")),
    ("a backslash", raw(b"/a/\\4")),
    ("a fragment", raw(b"/a/4#x")),
    ("a fragment of a query", raw(b"/a/4?a#x")),
    ("a space", raw(b"/a/4 5")),
    ("a space in the query", raw(b"/a/4?a b")),
    ("a tab in the query", raw(b"/a/4?a\tb")),
    ("NUL", raw(b"/a/4\0")),
    ("a bare LF", raw(b"/a/4\nX: y")),
    ("a bare CR", raw(b"/a/4\rX: y")),
    ("a control in the value", raw(b"/a/4", b"\x00")),
    ("a line in the value", raw(b"/a/4", b"1\r\nHost: b.test")),
    ("an LF in the value", raw(b"/a/4", b"1\nHost: b.test")),
    ("a second request", raw(b"/a/4") + raw(b"/a/5")),
    ("surplus", raw(b"/a/4") + b"x"),
    ("half a head", raw(b"/a/4")[:-2]),
    ("an empty line before", b"\r\n" + raw(b"/a/4")),
    ("another line", raw(b"/a/4", b"1", b"Connection: close")),
    ("a long line", raw(b"/a/" + b"4" * DEFAULTS.request_line_bytes)),
    ("a long value", raw(b"/a/4", b"1" * DEFAULTS.field_bytes)),
    ("nothing", b""),
]


@pytest.mark.parametrize("request_", [request for _, request in LEFT], ids=[name for name, _ in LEFT])
def test_it_leaves_what_does_not_fit(request_):
    runtime = CONFIGURATIONS["kept"]
    course = usual_course(runtime)
    assert course.takes(raw(b"/a/4"), runtime)
    before = sent(course)
    assert course.takes(request_, runtime) == 0
    assert sent(course) == before


class TestTakesNone:
    def refuses(self, course: Course, runtime, request: bytes) -> bool:
        return not course.takes(request, runtime)

    def test_under_another_configuration(self):
        runtime, other = CONFIGURATIONS["kept"], a_runtime(a_route("/"))
        assert self.refuses(usual_course(runtime), other, raw(b"/a/4"))

    @pytest.mark.parametrize(
        "routes",
        [
            [a_route("~/a/(?<id>[0-9]+)")],
            [a_route("/a", headers={"x-id": ["1", "2", "3", "4"]})],
            [a_route("/a", hosts=["a.test:8000"]), a_route("/a")],
            [a_route("/a"), a_route("/a", headers={"x-id": ["5"]})],
            [a_route("/a"), a_route("~/a/[56]")],
        ],
        ids=["a regex", "a header", "a port", "a header elsewhere", "a regex elsewhere"],
    )
    def test_where_more_than_the_path_decides(self, routes):
        runtime = a_runtime(*routes)
        assert self.refuses(usual_course(runtime), runtime, raw(b"/a/3", b"3"))

    def test_where_a_hash_of_the_request_decides(self):
        runtime = a_runtime(a_route("/a"), upstream=HASHING)
        assert self.refuses(usual_course(runtime), runtime, raw(b"/a/3", b"3"))

    @pytest.mark.parametrize(
        "line",
        [
            b"Connection: close",
            b"Expect: 100-continue",
            b"Upgrade: h2c",
            b"Transfer-Encoding: chunked",
            b"X-Forwarded-For: 198.51.100.1",
            b"Via: 1.1 cdn",
        ],
    )
    def test_of_heads_that_ask_for_more(self, line):
        runtime = CONFIGURATIONS["kept"]
        assert self.refuses(usual_course(runtime, line), runtime, raw(b"/a/3", b"3", line))

    def test_of_an_old_version(self):
        runtime = CONFIGURATIONS["kept"]
        old = raw(b"/a/3", b"3").replace(b"HTTP/1.1", b"HTTP/1.0")
        course = course_after(runtime, old, old, old)
        assert self.refuses(course, runtime, old)
        assert self.refuses(course, runtime, raw(b"/a/3", b"3"))

    def test_of_a_host_in_the_target(self):
        runtime = CONFIGURATIONS["kept"]
        course = course_after(runtime, *[raw(b"http://b.test/a/3", b"3")] * 3)
        assert self.refuses(course, runtime, raw(b"/a/3", b"3"))


# -- properties ------------------------------------------------------------------------------------

SEGMENTS = st.sampled_from([*"abc4", "b", "..", ".", "", "%41", "%2f", "a b", "\xff", "~", "x.y", "é", "\\", ";v=1"])
QUERIES = st.sampled_from(["", "?", "?a=b", "?/../", "?#", "?a b", "?\x7f", "?\xff", "?a?b", "#"])
TARGETS = st.tuples(st.lists(SEGMENTS, max_size=5), QUERIES).map(
    lambda parts: f"/{'/'.join(parts[0])}{parts[1]}".encode("latin-1")
)
VALUES = st.sampled_from([b"", b"1", b" 2 ", b"\xff", b"\x01", b"1\r\nX-Id: 2", b"1\r\nHost: b.test", b"\r\n"])


def expected(runtime, request: bytes) -> bytes | None:
    """What the target gets of it, None where it is refused or is not one request alone."""
    try:
        head = read(request)
    except BadMessage:
        return None
    forward = prepare(runtime, a_peer(), head)
    is_alone = len(request) == request.find(b"\r\n\r\n") + 4 + head.block.body_bytes
    return None if isinstance(forward, Refusal) or not is_alone else sent(forward)


@given(
    st.sampled_from(sorted(CONFIGURATIONS)),
    st.lists(st.tuples(TARGETS, VALUES), min_size=3, max_size=8),
    st.binary(max_size=4),
    st.integers(0, 80),
)
@settings(max_examples=400, deadline=None)
def test_a_target_never_gets_anything_else_for_it(name, requests, put_in, at):
    runtime = CONFIGURATIONS[name]
    course = usual_course(runtime)
    for target, value in requests:
        whole = raw(target, value)
        for request in (whole, whole[:at] + put_in + whole[at:]):
            if course.takes(request, runtime):
                assert sent(course) == expected(runtime, request)
