"""What stands at which address, whoever asks: health of ours, the way to the dashboard, static files, headers."""

import pytest
from asgiref.testing import ApplicationCommunicator
from django.db import DatabaseError
from django.test import AsyncClient, Client

from gateway_admin.common import health
from gateway_admin.common.asgi import TwoChains, found, waits
from gateway_admin.common.installation import Redis

pytestmark = pytest.mark.django_db


def test_the_root_leads_browsers_to_the_dashboard(client):
    assert client.get("/", HTTP_ACCEPT="text/html")["Location"] == "/admin-ui/"


def test_we_are_alive_and_ready(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "database": "ok", "redis": "ok"})


def test_without_a_database_we_are_not_ready(client, monkeypatch):
    class Away:
        def cursor(self):
            raise DatabaseError("no database")

    monkeypatch.setattr(health, "connection", Away())

    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["database"]) == (503, "unavailable")
    assert client.get("/healthz").status_code == 200


def test_without_redis_we_are_ready_and_say_so(client, settings, tmp_path):
    settings.REDIS = Redis(url=f"unix://{tmp_path}/none.sock", celery_broker="")

    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["redis"]) == (200, "unavailable")


def test_answers_carry_the_security_headers(client):
    for path in ("/healthz", "/api/services", "/admin-ui/login/", "/static/gatehouse.css"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff", path
    headers = client.get("/admin-ui/login/").headers
    assert headers["X-Frame-Options"] == "DENY"
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_cookies_are_for_us_alone(client):
    cookie = client.get("/admin-ui/login/").cookies["gatehouse_csrf"]

    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_another_host_name_is_refused(client):
    assert client.get("/api/services", HTTP_HOST="evil.example").status_code == 400
    assert client.get("/admin-ui/login/", HTTP_HOST="evil.example").status_code == 400


def test_static_files_come_from_the_source_folders():
    found = Client().get("/static/gatehouse.css")

    assert found.status_code == 200
    assert found["Content-Type"].startswith("text/css")
    assert found.content
    assert Client().get("/static/gatehouse.css", HTTP_IF_NONE_MATCH=found["ETag"]).status_code == 304
    assert Client().get("/static/../secret.key").status_code == 404
    assert Client().get("/static/none.css").status_code == 404


async def test_static_files_come_the_same_on_the_event_loop():
    found = await AsyncClient().get("/static/gatehouse.css")

    assert (found.status_code, found["Content-Type"]) == (200, 'text/css; charset="utf-8"')
    assert found.content


def test_only_asynchronous_views_run_on_the_event_loop():
    assert waits(found("/api/config/versions/7"))
    assert not waits(found("/api/services"))
    assert not waits(found("/admin-ui/nowhere"))


@pytest.mark.django_db(transaction=True)  # refusals are audited
async def test_both_chains_answer_alike():
    for path, status in (("/healthz", 200), ("/api/config/versions/1", 401), ("/api/services", 401)):
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        communicator = ApplicationCommunicator(TwoChains(), scope)
        await communicator.send_input({"type": "http.request", "body": b"", "more_body": False})
        start = await communicator.receive_output(timeout=20)
        assert (start["status"], dict(start["headers"])[b"X-Content-Type-Options"]) == (status, b"nosniff")
        await communicator.receive_output(timeout=20)
        await communicator.wait()
