"""A client that speaks JSON with a token, and answers as short as the tests want them."""

import json

import pytest
from django.test import Client

from tests.gateway_admin.builders import a_token, a_user


class RestClient(Client):
    """``api.post("/api/services", {...})``; the body is JSON. ``user`` is whose token it sends."""

    def __init__(self, token=None, **defaults):
        super().__init__(**defaults)
        self.token = token

    def generic(self, method, path, data="", content_type="application/json", secure=False, **extra):
        if self.token and "HTTP_AUTHORIZATION" not in extra:
            extra["HTTP_AUTHORIZATION"] = f"Bearer {self.token}"
        return super().generic(method, path, data, content_type, secure, **extra)

    def send(self, method, path, body=None, **extra):
        data = "" if body is None else json.dumps(body)
        return self.generic(method, path, data, **extra)

    def post(self, path, body=None, **extra):
        return self.send("POST", path, body, **extra)

    def put(self, path, body=None, **extra):
        return self.send("PUT", path, body, **extra)

    def patch(self, path, body=None, **extra):
        return self.send("PATCH", path, body, **extra)


@pytest.fixture
def api(db):
    return RestClient(a_token(a_user("alice")))
