"""Entities and what is observed of them, valid by default, written the way the product writes them."""

import time
from uuid import uuid4

from django.utils import timezone

from gateway_admin.catalog import actions
from gateway_admin.catalog.changes import Actor, head_version
from gateway_admin.monitoring.actions import Flip, Source, mark_targets, record_engine
from proxy_engine.sources import NodeReport, WorkerReport
from tests.gateway_admin.builders import (
    a_certificate,
    a_consumer,
    a_group,
    a_key,
    a_login,
    a_plugin,
    a_server_name,
    an_authority,
    to,
)

BOB = Actor("bob", "api", "192.0.2.7")
HOSTILE = "<b>&\"'{{x}}"  # a tag may be all of this
CHECKS_ON = {
    "active": {
        "healthy": {"interval": 5, "successes": 2},
        "unhealthy": {"interval": 5, "http_failures": 3, "tcp_failures": 3, "timeouts": 3},
    }
}


def an_upstream(name="pool", **values):
    return actions.create(kind="upstreams", values={"name": name, **values}, actor=BOB)


def a_target(upstream, target="10.0.0.1:8000", **values):
    owner = {"upstream": {"id": str(upstream.pk)}}
    return actions.create(kind="targets", values={"target": target, **owner, **values}, actor=BOB)


def a_service(name="orders", host="pool", **values):
    return actions.create(kind="services", values={"name": name, "host": host, **values}, actor=BOB)


def a_route(service=None, name="orders-api", paths=("/orders",), **values):
    owner = {"service": {"id": str(service.pk)} if service else None}
    return actions.create(kind="routes", values={"name": name, "paths": list(paths), **owner, **values}, actor=BOB)


def one_of_each():
    """By kind: an upstream with a target, used by a service with a route; a consumer with all it can have."""
    upstream = an_upstream()
    service = a_service()
    consumer, certificate = a_consumer(username="mobile-app"), a_certificate()
    rows = [
        upstream,
        a_target(upstream),
        service,
        a_route(service),
        consumer,
        a_key(consumer, key="open-sesame"),
        a_login(consumer, username="mobile-login"),
        a_group(consumer, group="gold"),
        a_plugin(service=to(service)),
        certificate,
        a_server_name(certificate),
        an_authority(),
    ]
    return {row.kind: row for row in rows}


def unhealthy(target, cause="3 of 3 checks failed: 503, 503, timeout"):
    flip = Flip(str(target.pk), str(target.upstream_id), target.target, healthy=False, cause=cause)
    mark_targets([flip], source=Source.ACTIVE)


def an_engine(name="edge-1", version=None, seen_at=None, **report):
    version = head_version() if version is None else version
    worker = WorkerReport(pid=2, version=version, requests=0, active=0, connections=0)
    fields = {"node_id": str(uuid4()), "pid": 1, "workers": [worker], "started_at": time.time(), "problems": []}
    record_engine(NodeReport(name=name, version=version, **fields | report), now=seen_at or timezone.now())
