"""Entities that are valid by default; a test names only what it is about."""

from itertools import count

from channels.db import database_sync_to_async

from gateway_admin.accounts.actions import create_token
from gateway_admin.accounts.models import User
from gateway_admin.catalog import actions
from gateway_admin.catalog.actions import Actor

ALICE = Actor("alice", "api", "192.0.2.1")
_numbers = count(1)


def a_service(**values):
    return _create("services", {"host": "example.com"} | values)


def a_route(**values):
    return _create("routes", {"paths": [f"/{next(_numbers)}"]} | values)


def an_upstream(**values):
    return _create("upstreams", {"name": f"upstream-{next(_numbers)}"} | values)


def a_target(upstream=None, **values):
    upstream = upstream or an_upstream()
    return _create("targets", {"upstream": to(upstream), "target": f"10.0.0.1:{next(_numbers)}"} | values)


def to(entity):
    """A reference to it, as values have it."""
    return {"id": str(entity.pk)}


def a_user(name="alice", **fields):
    return User.objects.create_user(name, password="correct horse", **fields)


def a_token(user=None, **fields):
    """The text that a client sends."""
    return create_token(user=user or a_user(), name="ci", **fields)[1]


async def in_thread(work, *args, **kwargs):
    """For asynchronous tests: in a thread whose connection is closed afterwards."""
    return await database_sync_to_async(work, thread_sensitive=False)(*args, **kwargs)


def _create(kind, values):
    return actions.create(kind=kind, values=values, actor=ALICE)
