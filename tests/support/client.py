"""A small HTTP client for tests: one request per call, everything about the answer at hand."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

ANSWER_S = 20.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]  # lower-case names; the last one wins
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def version(self) -> int:
        """What a write of ours was stored as."""
        return int(self.headers["x-gateway-version"])


def request(method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=ANSWER_S)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target or "/", body, headers or {})
        response = connection.getresponse()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, fields, response.read())
    finally:
        connection.close()


class Session:
    """Requests over one kept-alive connection, so that one worker answers all of them."""

    def __init__(self, url: str):
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=ANSWER_S)

    def get(self, path: str) -> Answer:
        self._connection.request("GET", path)
        response = self._connection.getresponse()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, fields, response.read())

    def close(self) -> None:
        self._connection.close()


class Refused(AssertionError):
    """The API did not take it; the whole answer is in the message."""


class Api:
    """The REST dialect under /api, with a token."""

    def __init__(self, base: str, token: str):
        self.base, self.token = base, token

    def call(self, method: str, path: str, values: Any = None) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}"}
        body = None
        if values is not None:
            headers["Content-Type"] = "application/json"
            body = values if isinstance(values, bytes) else json.dumps(values).encode()
        return request(method, f"{self.base}/api/{path}", body, headers)

    def write(self, method: str, path: str, values: Any = None) -> Answer:
        answer = self.call(method, path, values)
        if not 200 <= answer.status < 300:
            raise Refused(f"{method} /api/{path}: {answer.status} {answer.body.decode(errors='replace')}")
        return answer

    def create(self, path: str, **values: Any) -> dict:
        return self.write("POST", path, values).json["data"]

    def live(self, version: int) -> None:
        """Returns once every engine serves that version."""
        answer = self.call("GET", f"config/versions/{version}?wait=10")
        if answer.status != 200 or not answer.json["data"]["live"]:
            raise Refused(f"version {version}: {answer.status} {answer.body.decode(errors='replace')}")

    def apply(self, method: str, path: str, values: Any = None) -> dict:
        """Write, and wait until it is served."""
        answer = self.write(method, path, values)
        self.live(answer.version)
        return answer.json["data"]
