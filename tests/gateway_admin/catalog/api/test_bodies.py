"""What may come as a body: strict JSON, one object, of limited size."""

import json

import pytest
from asgiref.testing import ApplicationCommunicator

from gateway_admin.catalog.models import Service
from gateway_admin.common.asgi import TwoChains
from tests.gateway_admin.builders import a_token, a_user, in_thread

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"host=a",
        b"{",
        b'{"host": "a",}',
        b"{'host': 'a'}",
        b'{"host": "a", "host": "b"}',
        b'{"host": "a", "port": NaN}',
        b'{"host": "a", "port": Infinity}',
        b'{"host": "a", "port": 1e999}',
        b'{"host": "a", "port": ' + b"9" * 5000 + b"}",
        b'{"host": "\xff"}',
        b'\xef\xbb\xbf{"host": "a"}',
        b'{"tags": ' + b"[" * 100_000,
        b'{"host": "a"} trailing',
    ],
    ids=lambda body: str(body[:30]),
)
def test_what_is_not_strict_json_is_refused(api, body):
    refused = api.generic("POST", "/api/services", body)

    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert Service.objects.count() == 0


@pytest.mark.parametrize("body", [[], "text", 7, None, True])
def test_json_that_is_no_object_is_refused(api, body):
    refused = api.generic("POST", "/api/services", json.dumps(body))

    assert refused.status_code == 400
    assert refused.json()["error"]["message"] == "expected an object"


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "a\nb"])
def test_text_that_cannot_be_stored_or_logged_is_refused(api, text):
    for body in ({"host": "a", "name": text}, {"host": text}, {"host": "a", "tags": [text]}):
        assert api.post("/api/services", body).status_code == 400
    assert Service.objects.count() == 0


def test_another_content_type_is_refused(api):
    for content_type in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", ""):
        refused = api.generic("POST", "/api/services", b'{"host": "a"}', content_type)
        assert (refused.status_code, refused.json()["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_parameters_of_the_content_type_are_fine(api):
    created = api.generic("POST", "/api/services", b'{"host": "a"}', "application/json; charset=utf-8")

    assert created.status_code == 201


def test_a_body_that_is_too_large_is_refused(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    assert api.post("/api/services", {"host": "a", "tags": ["b" * 100]}).status_code == 201
    refused = api.post("/api/services", {"host": "a", "tags": ["b" * 1000]})
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.django_db(transaction=True)
async def test_a_body_in_chunks_is_a_body(transactional_db):
    token = await in_thread(lambda: a_token(a_user()))
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json", "host": "localhost"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/services",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    communicator = ApplicationCommunicator(TwoChains(), scope)
    await communicator.send_input({"type": "http.request", "body": b'{"host"', "more_body": True})
    await communicator.send_input({"type": "http.request", "body": b': "a"}', "more_body": False})

    assert (await communicator.receive_output(timeout=20))["status"] == 201
    await communicator.receive_output(timeout=20)
    await communicator.wait()


def test_the_answer_is_json_whatever_the_client_accepts(api):
    for accept in ("text/html", "image/png", ""):
        assert api.get("/api/services", HTTP_ACCEPT=accept)["Content-Type"] == "application/json"
