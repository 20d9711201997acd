"""Entities that are valid by default; a test names only what it is about."""

from itertools import count

from channels.db import database_sync_to_async

from gateway_admin.accounts.actions import create_token
from gateway_admin.accounts.models import User
from gateway_admin.catalog import actions
from gateway_admin.catalog.actions import Actor
from tests.proxy_engine.pems import a_pair

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


def a_consumer(**values):
    return _create("consumers", {"username": f"consumer-{next(_numbers)}"} | values)


def a_key(consumer=None, **values):
    consumer = consumer or a_consumer()
    return _create("keyauth_credentials", {"consumer": to(consumer), "key": f"key-{next(_numbers)}"} | values)


def a_login(consumer=None, **values):
    consumer = consumer or a_consumer()
    login = {"consumer": to(consumer), "username": f"login-{next(_numbers)}", "password": "correct horse"}
    return _create("basicauth_credentials", login | values)


def a_group(consumer=None, **values):
    return _create("acls", {"consumer": to(consumer or a_consumer()), "group": f"group-{next(_numbers)}"} | values)


def a_plugin(**values):
    return _create("plugins", {"name": "key-auth"} | values)


def a_certificate(**values):
    return _create("certificates", a_pair("EC")._asdict() | values)


def a_server_name(certificate=None, **values):
    owner = {"certificate": to(certificate or a_certificate())}
    return _create("snis", owner | {"name": f"host-{next(_numbers)}.example.com"} | values)


def an_authority(**values):
    return _create("ca_certificates", {"cert": a_pair("EC", next(_numbers), is_authority=True).cert} | values)


def to(entity):
    """A reference to it, as values have it."""
    return {"id": str(entity.pk)}


def a_user(name="alice", role="admin", **fields):
    return User.objects.create_user(name, password="correct horse", role=role, **fields)


def a_token(user=None, name="ci", scope="admin", **fields):
    """The text that a client sends."""
    return create_token(user=user or a_user(), name=name, scope=scope, **fields)[1]


async def in_thread(work, *args, **kwargs):
    """For asynchronous tests: in a thread whose connection is closed afterwards."""
    return await database_sync_to_async(work, thread_sensitive=False)(*args, **kwargs)


def _create(kind, values):
    return actions.create(kind=kind, values=values, actor=ALICE)
