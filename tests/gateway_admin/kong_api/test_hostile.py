"""Whatever is sent: an answer in JSON, never a failure of ours. And what is refused changes nothing."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_admin.catalog.models import Change
from gateway_admin.kong_api.urls import ADDRESSES
from tests.gateway_admin.hostile import EXAMPLES, ID, a_small_world, documents, names, odd_texts

pytestmark = pytest.mark.django_db


class Keys(dict):
    """The same key for every place in an address."""

    def __init__(self, key):
        self.key = key

    def __missing__(self, name):
        return quote(self.key, safe="")


paths = st.builds(
    lambda address, keys: address.path.format_map(keys),
    st.sampled_from(ADDRESSES),
    st.builds(Keys, st.sampled_from(["it", ID, "é", "a b", "it:1", "%", "..", "\x00", "a" * 300])),
)
methods = st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "GET"])


@pytest.fixture
def world(kong):
    a_small_world()
    kong.raise_request_exception = False
    return kong


def check(answer, before):
    assert answer.status_code < 500, answer.content
    if answer.content and not answer["Content-Type"].startswith("text/html"):
        told = json.loads(answer.content)
        assert answer.status_code < 400 or isinstance(told["message"], str)
    if answer.status_code >= 400:
        assert Change.objects.count() == before


@EXAMPLES
@given(method=methods, path=paths, document=documents)
def test_no_json_is_too_odd(world, method, path, document):
    before = Change.objects.count()
    check(world.generic(method, path, json.dumps(document), "application/json"), before)


@EXAMPLES
@given(method=methods, path=paths, pairs=st.lists(st.tuples(names, odd_texts | st.text(max_size=8)), max_size=8))
def test_no_form_is_too_odd(world, method, path, pairs):
    body = "&".join(f"{quote(name)}={quote(text)}" for name, text in pairs)
    before = Change.objects.count()
    check(world.generic(method, path, body, "application/x-www-form-urlencoded"), before)


@EXAMPLES
@given(
    path=paths,
    body=st.binary(max_size=200),
    content_type=st.sampled_from(
        [
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "multipart/form-data; boundary=é",
            "application/json; charset=utf-7",
            "multipart/form-data; boundary=",
        ]
    ),
)
def test_no_bytes_are_too_odd(world, path, body, content_type):
    before = Change.objects.count()
    check(world.generic("POST", path, body, content_type), before)
    check(world.generic("PUT", path, b"--x\r\n" + body + b"\r\n--x--\r\n", content_type), Change.objects.count())


@EXAMPLES
@given(
    path=paths,
    query=st.dictionaries(st.sampled_from(["size", "offset", "tags", "unit", "scale", "custom_id"]), odd_texts),
)
def test_no_query_is_too_odd(world, path, query):
    check(world.get(path, query), Change.objects.count())


@pytest.mark.parametrize("depth", [50, 900, 5000, 100_000])
def test_deep_nesting_is_refused(world, depth):
    for body in ('{"a":' * depth + "1" + "}" * depth, '{"tags":' + "[" * depth + "]" * depth + "}"):
        answer = world.generic("POST", "/services", body, "application/json")
        assert answer.status_code == 400
