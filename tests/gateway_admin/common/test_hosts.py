"""A Host header that names somebody else: DNS rebinding, or a name that the operator forgot to list."""

import logging

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def elsewhere():
    return Client(HTTP_HOST="evil.example")


def test_rest_is_told_so_in_its_own_words(elsewhere):
    answer = elsewhere.get("/api/services")
    assert answer.status_code == 400
    assert "GATEWAY_ADMIN_HOSTS" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/services", "/", "/nobody"])
def test_so_are_kongs_clients(elsewhere, path):
    answer = elsewhere.get(path)
    assert answer.status_code == 400
    assert "'evil.example' is not one of GATEWAY_ADMIN_HOSTS" in answer.json()["message"]


def test_pages_stay_pages(elsewhere):
    answer = elsewhere.get("/admin-ui/login/")
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("text/html")


def test_it_is_one_line_in_the_log_that_nobody_can_break(caplog):
    with caplog.at_level(logging.WARNING):
        Client(HTTP_HOST="evil\nWARNING forged").get("/services")
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "GATEWAY_ADMIN_HOSTS" in record.getMessage()
    assert "\n" not in record.getMessage()
    assert not record.exc_info
