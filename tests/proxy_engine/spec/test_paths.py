"""The normal form of paths. The router's tests have the long list of spellings; here is what route prefixes need."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_engine.spec import normal_path
from proxy_engine.spec.paths import RESERVED


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        (b"/", b"/"),
        (b"/a/b/", b"/a/b/"),
        (b"/a b", b"/a b"),
        (b"/%61%7a%2D%7e", b"/az-~"),
        (b"/caf%c3%a9", "/café".encode()),
        (b"/a%2fb%5C", b"/a%2Fb\\"),
        (b"/%252e", b"/%252e"),
        (b"/a/./b/../c", b"/a/c"),
        (b"/a/..", b"/"),
        (b"/a/%2e", b"/a/"),
        (b"//a//b//", b"/a/b/"),
        (b"/a..", b"/a.."),
        (b"/...", b"/..."),
    ],
)
def test_it_brings_a_path_into_normal_form(path, normal):
    assert normal_path(path) == normal


@pytest.mark.parametrize("byte", RESERVED)
def test_reserved_bytes_stay_escaped(byte):
    assert normal_path(b"/a%%%02xb" % byte) == b"/a%%%02Xb" % byte


@pytest.mark.parametrize(
    "path",
    [
        b"/..",
        b"/a/../..",
        b"/%2e%2e",
        b"/%",
        b"/%2",
        b"/%zz",
        b"/%00",
        b"/a/..%2f",
        b"/..\\a",
        b"/..;a",
        b"/.%3ba",
        b"/a;..",
    ],
)
def test_it_refuses_what_has_more_than_one_reading(path):
    with pytest.raises(ValueError, match=r"."):
        normal_path(path)


@given(st.binary(max_size=24).map(lambda tail: b"/" + tail))
def test_it_raises_nothing_but_value_error_and_its_result_is_final(path):
    try:
        normal = normal_path(path)
    except ValueError:
        return
    assert normal.startswith(b"/")
    assert b"//" not in normal
    assert not {b".", b".."} & set(normal.split(b"/"))
    assert normal_path(normal) == normal
