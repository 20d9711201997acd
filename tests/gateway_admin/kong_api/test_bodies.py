"""What may be a body, and Kong's answers to what may not."""

import pytest
from django.core.handlers.asgi import ASGIRequest

from gateway_admin.kong_api.bodies import read
from gateway_admin.kong_api.errors import KongError

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", '{"name":"s","host":"a","port":80.0}'),
        ("application/json; charset=utf-8", '{"name":"s","host":"a"}'),
        (FORM, "name=s&host=a&port=80&enabled=true&tags[]=x"),
        (f"{FORM}; charset=utf-8", "name=s&host=a&tags=x"),
        ("multipart/form-data; boundary=x", '--x\r\nContent-Disposition: form-data; name="host"\r\n\r\na\r\n--x--\r\n'),
    ],
)
def test_json_forms_and_multipart_are_read(kong, content_type, body):
    made = kong.generic("POST", "/services", body, content_type)
    assert (made.status_code, made.json()["host"], made.json()["port"]) == (201, "a", 80), made.content


@pytest.mark.parametrize("content_type", ["text/plain", "Application/Json", "application/yaml", "x", ""])
def test_other_types_are_not_supported(kong, content_type):
    answer = kong.generic("POST", "/services", '{"host":"a"}', content_type)
    assert (answer.status_code, answer.content) == (415, b"")


def test_no_body_and_no_type_is_an_empty_entity(kong):
    assert kong.post("/services").json()["message"] == "schema violation (host: required field missing)"
    told = "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'"
    assert kong.post("/routes").json()["fields"] == {"@entity": [told]}


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        '"x"',
        "null",
        '{"host":"a","host":"b"}',
        '{"host":"a","port":NaN}',
        '{"host":"a","port":1e999}',
        '{"host":"a","port":' + "9" * 5000 + "}",
        '{"host":"\\ud800"}',
        "[" * 100000,
        b'{"host":"\xff"}',
        '{"host":"a"} x',
    ],
    ids=lambda body: str(body)[:20],
)
def test_what_is_no_json_object_is_refused(kong, body):
    answer = kong.generic("POST", "/services", body, "application/json")
    assert (answer.status_code, answer.json()) == (400, {"message": "Cannot parse JSON body"})


def test_json_has_to_be_there(kong):
    answer = kong.post("/services", CONTENT_TYPE="application/json")
    assert (answer.status_code, answer.json()) == (400, {"message": "Cannot parse JSON body"})


def test_json_is_never_coerced(kong):
    told = kong.post("/services", {"host": "a", "port": "80", "retries": 1.5, "enabled": "true", "tags": "x"}).json()
    assert told["fields"] == {
        "port": "expected an integer",
        "retries": "expected an integer",
        "enabled": "expected a boolean",
        "tags": "expected a set",
    }


def test_texts_of_a_form_are_read_by_the_schema(kong):
    body = "name=pool&slots=x&healthchecks.active.timeout=&healthchecks.threshold=12.5&use_srv_name=True"
    assert kong.form("POST", "/upstreams", body).json()["fields"] == {
        "slots": "expected an integer",
        "use_srv_name": "expected a boolean",
    }
    body = "name=pool&slots=20&healthchecks.active.http_path=/status&healthchecks.threshold=12.5&tags=a&tags=b"
    made = kong.form("POST", "/upstreams", body).json()
    assert (made["slots"], made["healthchecks"]["threshold"], made["tags"]) == (20, 12.5, ["a", "b"])
    assert made["healthchecks"]["active"]["http_path"] == "/status"
    assert kong.form("PATCH", "/upstreams/pool", "tags=").json()["tags"] is None


def test_settings_of_a_plugin_are_read_by_its_name(kong):
    made = kong.form("POST", "/plugins", "name=rate-limiting&config.minute=5&config.policy=local")
    assert (made.status_code, made.json()["config"]["minute"]) == (201, 5), made.content
    patched = kong.form("PATCH", f"/plugins/{made.json()['id']}", "config.hour=10&config.fault_tolerant=false")
    assert (patched.json()["config"]["hour"], patched.json()["config"]["minute"]) == (10, 5)
    assert patched.json()["config"]["fault_tolerant"] is False


@pytest.mark.parametrize("body", [b"host=%ff", b"host=\xff", b"%ff=a"])
def test_forms_are_utf8(kong, body):
    answer = kong.generic("POST", "/services", body, FORM)
    assert (answer.status_code, answer.json()) == (400, {"message": "Cannot parse form body"})


def test_a_name_without_a_value_is_true(kong):
    assert kong.form("POST", "/services", "host=a&name").json()["fields"] == {"name": "expected a string"}


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=x"])
def test_multipart_that_is_none_is_refused(kong, content_type):
    answer = kong.generic("POST", "/services", b"--x\r\n\xff", content_type)
    assert (answer.status_code, answer.json()) == (400, {"message": "Cannot parse multipart body"})


def test_too_many_arguments_are_refused(kong):
    too_many = {"message": "Too many arguments"}
    answers = [
        kong.form("POST", "/services", "&".join(["a=1"] * 1001)),
        kong.get("/services?" + "&".join(["a=1"] * 1001)),
        kong.generic(
            "POST",
            "/services",
            '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 1001 + "--x--\r\n",
            "multipart/form-data; boundary=x",
        ),
    ]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(400, too_many)] * 3
    assert kong.form("POST", "/services", "&".join(["tags[]=1"] * 999) + "&host=a").status_code == 201


@pytest.mark.parametrize("content_type", ["application/json", FORM, "multipart/form-data; boundary=x", "text/plain"])
def test_large_bodies_are_refused(kong, settings, content_type):
    body = "a" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    answer = kong.generic("POST", "/services", body, content_type)
    assert (answer.status_code, list(answer.json())) == (413, ["message"])


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_bodies_of_other_methods_are_ignored(kong, method):
    path = "/services" if method == "GET" else "/services/a"
    assert kong.generic(method, path, "{", "application/json").status_code in (200, 204)


def test_two_content_types_are_refused():
    """Asked directly: Django's own clients send each name once."""
    headers = [(b"content-type", b"application/json"), (b"content-type", FORM.encode())]
    request = ASGIRequest({"type": "http", "method": "POST", "path": "/services", "headers": headers}, None)
    with pytest.raises(KongError, match="Multiple Content-Type headers not allowed"):
        read(request, b"{}")
