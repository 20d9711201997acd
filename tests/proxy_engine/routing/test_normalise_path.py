"""The normal form of a request path (Kong §1), and the targets that are refused as ambiguous."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_engine.routing import normalise_path


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/", b"/"),
        (b"/a/b", b"/a/b"),
        (b"/a/b/", b"/a/b/"),
        # escapes: unreserved and all other bytes are decoded, reserved ones stay with upper-case digits
        (b"/%61%7a%2D%7e", b"/az-~"),
        (b"/a%2fb", b"/a%2Fb"),
        (b"/a%2Fb", b"/a%2Fb"),
        (
            b"/%3f%23%25%5b%5d%40%21%24%26%27%28%29%2a%2b%2c%3b%3d%3a",
            b"/%3F%23%25%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A",
        ),
        (b"/%20%22%7b%7D", b'/ "{}'),
        (b"/caf%C3%A9", "/café".encode()),
        ("/café".encode(), "/café".encode()),
        (b"/%252e%252e/a", b"/%252e%252e/a"),
        # dot segments and empty segments
        (b"/./a", b"/a"),
        (b"/a/./b", b"/a/b"),
        (b"/a/.", b"/a/"),
        (b"/a/..", b"/"),
        (b"/a/b/..", b"/a/"),
        (b"/a/../b", b"/b"),
        (b"/a/b/../../c", b"/c"),
        (b"//a///b//", b"/a/b/"),
        (b"/a//../b", b"/b"),
        (b"/.", b"/"),
        (b"/%2e/a", b"/a"),
        (b"/a/%2E%2e/b", b"/b"),
        # no dot segments
        (b"/a../b", b"/a../b"),
        (b"/...", b"/..."),
        (b"/.well-known/acme", b"/.well-known/acme"),
        (b"/..a/b", b"/..a/b"),
        (b"/a;v=1/b", b"/a;v=1/b"),
        (b"/A/b", b"/A/b"),
    ],
)
def test_it_brings_paths_into_normal_form(target, path):
    assert normalise_path(target) == (path, b"")


@pytest.mark.parametrize(
    ("target", "query"),
    [(b"/p?", b"?"), (b"/p?a=%20&b", b"?a=%20&b"), (b"/p?a=/../x?y//", b"?a=/../x?y//"), (b"/p?%zz", b"?%zz")],
)
def test_it_leaves_the_query_as_it_is(target, query):
    assert normalise_path(target) == (b"/p", query)


@pytest.mark.parametrize(
    "target",
    [
        b"",
        b"*",
        b"a/b",
        b"?a",
        b"http://example.com/",
        b"/..",
        b"/../a",
        b"/a/../../b",
        b"/%2e%2e/a",
        b"//../a",
        b"/%",
        b"/%2",
        b"/%zz",
        b"/a%00b",
        b"/a b",
        b"/a\tb",
        b"/a\x00b",
        b"/a\x7f",
        b"/a\r\nb",
        b"/a#b",
        b"/a?b c",
        b"/a?b\n",
        # behind separators that only some origins honour
        b"/public/..%2fadmin",
        b"/public/%2e%2e%2Fadmin",
        b"/public/..%5cadmin",
        b"/public/..\\admin",
        b"/public/x\\..\\admin",
        b"/public/..;/admin",
        b"/public/..;x=1/admin",
        b"/public/..%3bx/admin",
        b"/public/.%2fx",
    ],
)
def test_it_refuses_what_an_origin_could_read_as_another_path(target):
    with pytest.raises(ValueError, match=r"."):
        normalise_path(target)


@given(st.text(st.sampled_from("ab./%2eEfF5cC;\\?é"), max_size=24))
def test_a_normal_form_is_its_own_normal_form(text):
    try:
        path, _ = normalise_path(b"/" + text.encode())
    except ValueError:
        return
    visible = path.replace(b"?", b"%3F")
    assert normalise_path(visible) == (visible, b"")


@given(st.text(st.sampled_from("ab./%2ef;\\"), max_size=24))
def test_no_dot_segment_survives(text):
    try:
        path, _ = normalise_path(b"/" + text.encode())
    except ValueError:
        return
    assert not {b"..", b"."} & set(path.split(b"/"))
    assert b"//" not in path
