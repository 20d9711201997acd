"""Every operation of the OpenAPI document, asked well and badly: what it answers is documented, and never a 500.

The same small set of requests each time. A fuzzer finds more; this keeps what it found.
"""

import json
import re
import uuid

import pytest
from django.test import Client

from tests.gateway_admin.builders import (
    a_certificate,
    a_group,
    a_key,
    a_login,
    a_plugin,
    a_route,
    a_service,
    a_target,
    a_token,
    an_authority,
    an_upstream,
    to,
)

from .conftest import RestClient
from .test_openapi import conforms

pytestmark = pytest.mark.django_db
METHODS = ("get", "put", "post", "patch", "delete")
NOBODY = "7000001"  # a key, a version and a number that nothing has
KEYS = (str(uuid.UUID(int=7)), "nobody", "0", "-1", "999999999999999999", "1" * 40, "%00", "%ff", "%2F", "a%0d%0ab")
ASYNCHRONOUS = ("/api/config/versions/{version}",)  # closes the connection that a test's transaction is on
BODIES = (
    b"", b"{", b"null", b"[]", b"0", b'"a"', b"{}", b'{"tags": "a"}', b'{"name": "\\u0000"}', b'{"id": 1}',
    b'{"name": 1e999}', b'{"a": 1, "a": 2}', b'{"tags": ' + b"[" * 3000 + b"]" * 3000 + b"}", b'{"name": "\\ud800"}',
    b'{"id": "x", "tags": [null]}', b'{"createdAt": 7, "config": {"config": null}}', b"\xff\xfe", b"1" * 5000,
    b'{"ids": [{}], "action": [], "credential": [], "credentialType": {}, "url": 1, "snis": [1], "ttl": -1}',
)  # fmt: skip
QUERIES = (
    "?nonsense=1", "?page=0", "?limit=%00", "?orderBy=%F0%9F%92%A9", "?search=%00", "?tags=%00", "?wait=nan",
    "?search=" + "%25" * 300, "?tags=" + ",".join(map(str, range(60))), "?offset=1e9", "?page=1&offset=1",
)  # fmt: skip


@pytest.fixture
def document(db):
    return json.loads(Client().get("/api/schema/?format=json").content)


def operations(document):
    return [
        (method, path, operation)
        for path, of_path in document["paths"].items()
        for method, operation in of_path.items()
        if method in METHODS and path not in ASYNCHRONOUS
    ]


def check(answer, operation, document, asked):
    documented = operation["responses"]
    assert str(answer.status_code) in documented, (asked, answer.status_code, answer.content[:300])
    content = documented[str(answer.status_code)].get("content", {})
    if "application/json" in content and answer["Content-Type"].startswith("application/json"):
        conforms(json.loads(answer.content), documented[str(answer.status_code)], document)


def filled(path, key):
    return re.sub(r"\{\w+\}", lambda _: key, path)


def test_without_a_token_everything_is_refused_as_documented(document):
    for method, path, operation in operations(document):
        answer = RestClient().generic(method.upper(), filled(path, KEYS[0]), b"{}")
        check(answer, operation, document, (method, path))
        assert answer.status_code in (401, 404), (method, path)


def test_keys_that_lead_nowhere_are_answered_as_documented(api, document):
    for method, path, operation in operations(document):
        for key in KEYS if "{" in path else ():
            if "{version}" in path and not (key.isdecimal() and len(key) <= 18):
                continue  # no address of this operation
            asked = (method, filled(path, key))
            check(api.generic(method.upper(), asked[1], b"{}"), operation, document, asked)


def test_bodies_that_make_no_sense_are_refused_as_documented(api, document):
    for method, path, operation in operations(document):
        if "requestBody" not in operation:
            continue
        for body in BODIES:
            asked = (method, path, body[:60])
            check(api.generic(method.upper(), filled(path, NOBODY), body), operation, document, asked)
        wrong_type = api.generic(method.upper(), filled(path, NOBODY), b"a=b", content_type="application/x-nothing")
        check(wrong_type, operation, document, (method, path, "wrong type"))


def test_queries_that_make_no_sense_are_refused_as_documented(api, document):
    for method, path, operation in operations(document):
        for query in QUERIES if method == "get" else ():
            asked = (path, query)
            check(api.get(filled(path, NOBODY) + query), operation, document, asked)


def test_methods_that_are_not_documented_are_not_allowed(document):
    api = RestClient(a_token(), enforce_csrf_checks=True)
    for path, of_path in document["paths"].items():
        for method in set(METHODS) - set(of_path):
            answer = api.generic(method.upper(), filled(path, NOBODY), b"{}")
            assert answer.status_code == 405, (method, path, answer.status_code)
            assert {found.upper() for found in of_path} <= set(answer["Allow"].split(", "))


def test_what_is_stored_reads_and_goes_as_documented(api, document):
    upstream = an_upstream(name="pool")
    a_target(upstream)
    a_route(service=to(a_service(host="pool")))
    for make in (a_key, a_login, a_group, a_plugin, a_certificate, an_authority):
        make()
    for method, path, operation in operations(document):
        if method == "get" and path.endswith("{key}"):
            listed = api.get(filled(path.removesuffix("/{key}"), "pool")).json()["data"]
            for item in listed:
                asked = filled(path.removesuffix("{key}"), "pool") + item["id"]
                check(api.get(asked), operation, document, asked)
                check(api.put(asked, item), document["paths"][path]["put"], document, asked)
                check(api.patch(asked, item), document["paths"][path]["patch"], document, asked)


@pytest.mark.parametrize("path", ["/api/nowhere", "/api/changes/null/undo", "/api/config/versions/x/rollback"])
def test_addresses_of_nobody_are_not_found_in_json_whatever_is_sent(path):
    answer = Client(enforce_csrf_checks=True).post(path, b"{}", "application/json")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["/api/changes/1/undo", "/api/config/versions/0/rollback", "/api/config/import"])
def test_a_version_that_was_never_seen_is_refused_in_dry_runs_too(api, path):
    a_service()

    refused = api.post(f"{path}?dryRun=true&seenVersion=-1", {"_format_version": "3.0"})

    assert refused.status_code == 400
    assert refused.json()["error"]["details"][0]["field"] == "seenVersion"
