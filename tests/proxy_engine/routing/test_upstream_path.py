"""The whole table of Kong's path handling ``v0``, and what must never come of stripping."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_engine.routing import joint, upstream_path

from .builders import a_route, a_table, ask

TABLE = [
    # service.path, route path, request, kept, stripped
    (None, "/api", b"/api", b"/api", b"/"),
    ("/", "/api", b"/api", b"/api", b"/"),
    (None, "/api", b"/api/x", b"/api/x", b"/x"),
    ("/", "/api", b"/api/x", b"/api/x", b"/x"),
    (None, "/api/", b"/api/x", b"/api/x", b"/x"),
    ("/up", "/", b"/", b"/up", b"/up"),
    ("/up", "/", b"/x/", b"/up/x/", b"/up/x/"),
    ("/up", "/api", b"/api", b"/up/api", b"/up"),
    ("/up", "/api", b"/api/", b"/up/api/", b"/up/"),
    ("/up", "/api", b"/api/x", b"/up/api/x", b"/up/x"),
    ("/up", "/api", b"/apix", b"/up/apix", b"/up/x"),
    ("/up", "/api/", b"/api/", b"/up/api/", b"/up/"),
    ("/up/", "/api", b"/api", b"/up/api", b"/up"),
    ("/up/", "/api", b"/api/", b"/up/api/", b"/up/"),
    ("/up/", "/api", b"/apix", b"/up/apix", b"/up/x"),
    ("/up/", "/", b"/", b"/up/", b"/up/"),
    # regular expressions: what they matched is the prefix
    (None, "~/v[0-9]+", b"/v12/x", b"/v12/x", b"/x"),
    ("/up", "~/v[0-9]+/", b"/v12/x", b"/up/v12/x", b"/up/x"),
    ("/up", "~/v.*", b"/v12/x", b"/up/v12/x", b"/up"),
]


def rewritten(service_path, route_path, request, *, strip):
    paths = [route_path] if route_path else []
    table = a_table(a_route(paths=paths, hosts=["example.com"], strip_path=strip))
    return upstream_path(ask(table, request), request, service_path.encode() if service_path else None)


@pytest.mark.parametrize(("service_path", "route_path", "request_path", "kept", "stripped"), TABLE)
def test_it_joins_paths_as_kong_does(service_path, route_path, request_path, kept, stripped):
    assert rewritten(service_path, route_path, request_path, strip=False) == kept
    assert rewritten(service_path, route_path, request_path, strip=True) == stripped


@given(
    st.sampled_from([None, "/", "/up", "/up/", "/ü p/"]),
    st.sampled_from(["/", "/a", "/a/", "/a/b", None]),
    st.text("ab/c", max_size=6).filter(lambda text: "//" not in text and not text.startswith("/")),
    st.booleans(),
)
def test_the_joint_is_the_same_for_all_paths(service_path, route_path, rest, strip):
    path = (route_path or "/").removesuffix("/").encode() + b"/" + rest.encode()
    table = a_table(a_route(paths=[route_path] if route_path else [], hosts=["example.com"], strip_path=strip))
    match, base = ask(table, path), service_path.encode() if service_path else None
    before, cut = joint(match, base)
    if path.startswith(b"/", cut) and path != b"/":
        assert upstream_path(match, path, base, True) == before + path[cut:]
    else:
        assert path == b"/" or cut


@pytest.mark.parametrize("service_path", [None, "/", "/up", "/up/"])
@pytest.mark.parametrize("request_path", [b"/", b"/x", b"/x/", b"/x/y"])
def test_stripping_shows_no_effect_on_a_route_without_paths(service_path, request_path):
    kept = rewritten(service_path, None, request_path, strip=False)
    assert rewritten(service_path, None, request_path, strip=True) == kept


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_path_handling_v1_has_no_effect_in_this_flavour(version):
    table = a_table(a_route(paths=["/api"], path_handling=version))
    assert upstream_path(ask(table, b"/apix"), b"/apix", b"/up") == b"/up/x"


@pytest.mark.parametrize(
    ("request_path", "expected"),
    [
        (b"/api.", b"/up"),
        (b"/api..", b"/up"),
        (b"/api./x", b"/up/x"),
        (b"/api../admin", b"/up/admin"),
        (b"/api..%2Fadmin", b"/up/admin"),
        (b"/api..\\admin", b"/up/admin"),
        (b"/api..;v=1/admin", b"/up/admin"),
        (b"/api...", b"/up/..."),
        (b"/api.x", b"/up/.x"),
    ],
)
def test_stripping_inside_a_segment_leaves_no_dot_segment(request_path, expected):
    assert rewritten("/up", "/api", request_path, strip=True) == expected


@pytest.mark.parametrize(
    ("request_path", "expected"),
    [
        (b"/a%2Fb", b"/a%2Fb"),
        (b'/ "{}', b"/%20%22%7B%7D"),
        ("/café".encode(), b"/caf%C3%A9"),
        (b"/a\nb", b"/a%0Ab"),
        (b"/!#$&'()*+,:;=?@[\\]-_.~", b"/!#$&'()*+,:;=?@[\\]-_.~"),
    ],
)
def test_it_encodes_again_what_may_not_stand_in_a_path(request_path, expected):
    assert rewritten(None, "/", request_path, strip=False) == expected
