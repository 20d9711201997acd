"""A client that speaks as Kong's users do: JSON from tools, forms from ``curl --data``, and a token beside it."""

import json
from urllib.parse import urlencode

import pytest
from django.test import Client

from tests.gateway_admin.builders import a_token, a_user

FORM = "application/x-www-form-urlencoded"


class KongClient(Client):
    """``kong.post("/services", {...})`` sends JSON, ``kong.form("POST", "/services", "name=a")`` a form."""

    def __init__(self, token=None, **defaults):
        super().__init__(**defaults)
        self.token = token

    def generic(self, method, path, data="", content_type="application/json", secure=False, **extra):
        if self.token:
            extra.setdefault("HTTP_KONG_ADMIN_TOKEN", self.token)
        return super().generic(method, path, data, content_type if data != "" else "", secure, **extra)

    def send(self, method, path, body=None, **extra):
        return self.generic(method, path, "" if body is None else json.dumps(body), **extra)

    def post(self, path, body=None, **extra):
        return self.send("POST", path, body, **extra)

    def put(self, path, body=None, **extra):
        return self.send("PUT", path, body, **extra)

    def patch(self, path, body=None, **extra):
        return self.send("PATCH", path, body, **extra)

    def form(self, method, path, fields, **extra):
        text = fields if isinstance(fields, str) else urlencode(fields)
        return self.generic(method, path, text, FORM, **extra)

    def options(self, path, **extra):
        return self.generic("OPTIONS", path, **extra)


@pytest.fixture
def kong(db):
    return KongClient(a_token(a_user("alice")))
