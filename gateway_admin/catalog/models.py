"""The entities as rows, and the numbered log of their changes.

A column exists for each field of ``proxy_engine.spec`` under the same name; defaults, rules and ranges come from there.
"""

import uuid

from django.db import models

from gateway_admin.common.models import Entity, range_constraints


class Service(Entity):
    """A logical API. ``host`` names an upstream, or is a DNS name or an address used with ``port``."""

    kind = "services"

    name = models.TextField(null=True, unique=True)
    enabled = models.BooleanField()
    protocol = models.TextField()
    host = models.TextField(db_index=True)  # "which services name this upstream?"
    port = models.IntegerField()
    path = models.TextField(null=True)
    retries = models.IntegerField()
    connect_timeout = models.BigIntegerField()  # ms, as the two below
    write_timeout = models.BigIntegerField()
    read_timeout = models.BigIntegerField()
    tls_verify = models.BooleanField(null=True)
    tls_verify_depth = models.IntegerField(null=True)

    class Meta:
        constraints = range_constraints("services")


class Route(Entity):
    """A rule that leads requests to a service."""

    kind = "routes"

    name = models.TextField(null=True, unique=True)
    service = models.ForeignKey(Service, null=True, on_delete=models.RESTRICT, related_name="routes")
    protocols = models.JSONField()
    methods = models.JSONField(null=True)
    hosts = models.JSONField(null=True)
    paths = models.JSONField(null=True)
    headers = models.JSONField(null=True)
    snis = models.JSONField(null=True)
    sources = models.JSONField(null=True)
    destinations = models.JSONField(null=True)
    strip_path = models.BooleanField()
    preserve_host = models.BooleanField()
    regex_priority = models.BigIntegerField()
    path_handling = models.TextField()
    https_redirect_status_code = models.IntegerField()
    request_buffering = models.BooleanField()
    response_buffering = models.BooleanField()

    class Meta:
        constraints = range_constraints("routes")


class Upstream(Entity):
    """A named pool of targets and the policy that picks one."""

    kind = "upstreams"

    name = models.TextField(unique=True)
    algorithm = models.TextField()
    hash_on = models.TextField()
    hash_fallback = models.TextField()
    hash_on_header = models.TextField(null=True)
    hash_fallback_header = models.TextField(null=True)
    hash_on_cookie = models.TextField(null=True)
    hash_on_cookie_path = models.TextField()
    hash_on_query_arg = models.TextField(null=True)
    hash_fallback_query_arg = models.TextField(null=True)
    hash_on_uri_capture = models.TextField(null=True)
    hash_fallback_uri_capture = models.TextField(null=True)
    slots = models.IntegerField()
    host_header = models.TextField(null=True)
    use_srv_name = models.BooleanField()
    healthchecks = models.JSONField()
    when_all_unhealthy = models.TextField()
    retry = models.JSONField()
    circuit_breaker = models.JSONField()
    connections = models.JSONField()

    class Meta:
        constraints = range_constraints("upstreams")


class Target(Entity):
    """One server of an upstream."""

    kind = "targets"
    times_are_whole_seconds = False

    upstream = models.ForeignKey(Upstream, on_delete=models.CASCADE, related_name="targets")
    target = models.TextField()
    weight = models.IntegerField()
    enabled = models.BooleanField()
    priority = models.IntegerField()
    scheme = models.TextField(null=True)
    path = models.TextField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["upstream", "target"], name="unique_target_per_upstream"),
            *range_constraints("targets"),
        ]


class Head(models.Model):
    """One row: the version of the newest change. Writers lock it, so the order of commits is the order of versions."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    version = models.BigIntegerField(default=0)
    epoch = models.UUIDField(default=uuid.uuid4)  # another one = another database, whose versions mean something else

    def __str__(self):
        return f"version {self.version}"


class Change(models.Model):
    """One edit of one entity. ``before`` is null for a creation, ``after`` for a deletion."""

    version = models.BigIntegerField(primary_key=True)
    batch = models.UUIDField(db_index=True)  # the same for all changes of one transaction
    at = models.DateTimeField(db_index=True)
    actor = models.TextField()
    via = models.CharField(max_length=16)  # ui, api, kong, import, rollback, task, system
    address = models.TextField(null=True)  # the client's, where there was one
    kind = models.CharField(max_length=32)
    entity_id = models.UUIDField()
    label = models.TextField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        indexes = [models.Index(fields=["kind", "entity_id", "-version"], name="change_of_entity")]

    def __str__(self):
        return f"{self.version}: {self.kind} {self.label}"
