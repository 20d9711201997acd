"""Whatever is sent to ``/api``: an answer in the envelope, never a failure of ours. What is refused changes nothing."""

import json
from itertools import pairwise
from urllib.parse import quote

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway_admin.catalog.api.names import camel
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Change
from tests.gateway_admin.builders import a_token, a_user
from tests.gateway_admin.hostile import EXAMPLES, FIELDS, ID, a_small_world, leaves, odd_texts, values

from .conftest import RestClient

pytestmark = pytest.mark.django_db

CONFIG = ["config/import", "config/diff", "config/validate"]
OTHERS = ["explain", "credentials", "tokens", "users", "me", "changes", "health-events", "engines"]
words = ["action", "ids", "credential", "credentialType", "consumerId", "upstreamId", "expiresAt", "config", "limit"]
names = st.sampled_from([*map(camel, FIELDS), *words, "nonsense", "", "\x00"]) | st.text(max_size=5)
documents = st.dictionaries(names, values, max_size=6)
keys = st.sampled_from(["it", ID, "é", "a b", "it:1", "%", "..", "\x00", "a" * 300, "9" * 30, "0", "bulk"])


def _below(kind, key):
    return f"{kind}/{quote(key, safe='')}"


kinds = st.sampled_from(sorted(KINDS))
paths = (
    st.builds(_below, kinds, keys)
    | st.builds(lambda key: f"upstreams/{quote(key, safe='')}/targets/{quote(key, safe='')}", keys)
    | st.builds(
        lambda key, end: f"config/versions/{quote(key, safe='')}/{end}",
        keys,
        st.sampled_from(["diff", "entities", "rollback"]),
    )
    | st.builds(lambda key: f"changes/{quote(key, safe='')}/undo", keys)
    | st.sampled_from([*sorted(KINDS), *(f"{kind}/bulk" for kind in KINDS), *OTHERS, *CONFIG])
)
methods = st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "GET"])


@pytest.fixture
def world(db):
    a_small_world()
    api = RestClient(a_token(a_user("root", role="admin"), scope="admin"))
    api.raise_request_exception = False
    return api


def check(answer, before):
    assert answer.status_code < 500, answer.content
    if answer["Content-Type"].startswith("application/json") and "/schema" not in answer.request["PATH_INFO"]:
        told = json.loads(answer.content)
        assert told["success"] is (answer.status_code < 400)
        assert answer.status_code < 400 or {"code", "message", "details"} == told["error"].keys()
    if answer.status_code >= 400:
        assert Change.objects.count() == before


@EXAMPLES
@given(method=methods, path=paths, document=documents)
def test_no_json_is_too_odd(world, method, path, document):
    before = Change.objects.count()
    check(world.generic(method, f"/api/{path}", json.dumps(document)), before)


@EXAMPLES
@given(path=paths, body=st.binary(max_size=200) | st.sampled_from([b'{"a":1,"a":2}', b'{"a":"\\ud800"}', b"1e999"]))
def test_no_bytes_are_too_odd(world, path, body):
    before = Change.objects.count()
    for content_type in ("application/json", "multipart/form-data; boundary=x", "application/yaml", ""):
        check(world.generic("POST", f"/api/{path}", body, content_type), before)


@EXAMPLES
@given(path=paths, query=st.dictionaries(names | st.sampled_from(["page", "offset", "search"]), odd_texts, max_size=3))
def test_no_query_is_too_odd(world, path, query):
    check(world.get(f"/api/{path}", query), Change.objects.count())


entities = st.lists(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=4), values, max_size=4), max_size=3)
files = st.fixed_dictionaries(
    {"_format_version": st.sampled_from(["1.1", "3.0", 3.0, None, "9"])},
    optional=dict.fromkeys([*KINDS, "_info", "_plugin_configs", "_transform", "nonsense"], entities | leaves),
)


@EXAMPLES
@given(path=st.sampled_from(CONFIG), file=files, tag=odd_texts)
def test_no_file_is_too_odd(world, path, file, tag):
    before = Change.objects.count()
    text = json.dumps(file)
    check(world.generic("POST", f"/api/{path}?keep=true", text), before)
    before = Change.objects.count()
    check(world.generic("POST", f"/api/{path}?keep=true&selectTag={quote(tag)}", text, "application/yaml"), before)


def _aliases() -> str:
    """Nine levels of nine: 9⁹ items from 300 bytes."""
    levels = [f"{one}: &{one} [{', '.join([f'*{before}'] * 9)}]" for before, one in pairwise("abcdefghij")]
    return "\n".join(["a: &a [x]", *levels])


BOMBS = {
    "aliases": _aliases(),
    "a loop": "_format_version: '3.0'\nservices: &s\n- *s\n",
    "an object": "_format_version: !!python/object/apply:os.system ['true']\n",
    "a merge of itself": "a: &a\n  <<: *a\n",
    "deep nesting": "[" * 5000,
    "deep blocks": "".join(" " * depth + "a:\n" for depth in range(2000)),
    "a long number": "_format_version: " + "9" * 5000 + "\n",
    "twice": "_format_version: '3.0'\nservices: []\nservices: []\n",
    "NUL": "_format_version: '3.0'\nservices:\n- name: \"a\\0b\"\n  host: h\n",
    "half a pair": '_format_version: "3.0"\nservices:\n- name: "\\ud800"\n  host: h\n',
    "infinity": "_format_version: '3.0'\nservices:\n- name: a\n  host: h\n  port: .inf\n",
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("path", CONFIG)
def test_bombs_in_files_are_refused(world, path, name):
    before = Change.objects.count()
    answer = world.generic("POST", f"/api/{path}", BOMBS[name], "application/yaml")
    assert answer.status_code == 400, answer.content[:300]
    check(answer, before)


def test_yaml_bombs_would_be_bombs():
    """What is refused above is what a plain reader takes."""
    assert yaml.safe_load(BOMBS["twice"])["services"] == []
