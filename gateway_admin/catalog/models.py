"""The entities as rows, and the numbered log of their changes.

A column exists for each field of ``proxy_engine.spec`` under the same name; defaults, rules and ranges come from there.
"""

import time
import uuid

from django.db import models
from django.db.models.functions import Coalesce

from gateway_admin.common.models import Entity, range_constraints
from gateway_admin.common.sealed_fields import Digest, SealedJSON, SealedText

from .certificate_fields import EndOfLife, Subject

_SCOPES = ("route", "service", "consumer")
NOBODY = uuid.UUID(int=0)  # stands in for null where null has to be unique as well


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
    client_certificate = models.ForeignKey("Certificate", null=True, on_delete=models.RESTRICT, related_name="services")
    ca_certificates = models.JSONField(null=True)  # ids in a list: no foreign keys, `deletion` looks after them

    class Meta(Entity.Meta):
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

    class Meta(Entity.Meta):
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
    client_certificate = models.ForeignKey(
        "Certificate", null=True, on_delete=models.RESTRICT, related_name="upstreams"
    )
    use_srv_name = models.BooleanField()
    healthchecks = models.JSONField()
    probe = models.JSONField()
    when_all_unhealthy = models.TextField()
    panic_threshold = models.IntegerField()
    slow_start = models.JSONField()
    retry = models.JSONField()
    circuit_breaker = models.JSONField()
    connections = models.JSONField()

    class Meta(Entity.Meta):
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
    drain = models.JSONField(null=True)

    class Meta(Entity.Meta):
        constraints = [
            models.UniqueConstraint(fields=["upstream", "target"], name="unique_target_per_upstream"),
            *range_constraints("targets"),
        ]
        # Kong lists targets so: each page of it is one step into these indexes, whatever the number of the page.
        indexes = [
            *Entity.Meta.indexes,
            models.Index(fields=["upstream", "-created_at", "-id"], name="targets_newest_first"),
            models.Index(fields=["upstream", "id"], name="targets_by_id"),
            models.Index(fields=["id"], condition=models.Q(drain__isnull=False), name="targets_that_drain"),
            # What the shares of an upstream's targets are summed up from, without a look at a row.
            models.Index(fields=["upstream", "priority", "weight", "enabled", "drain"], name="targets_in_use"),
            # The orders that lists may be asked in, so that no page of them has to sort.
            models.Index(fields=["weight", "id"], name="targets_by_weight"),
            models.Index(fields=["target", "id"], name="targets_by_target"),
        ]

    @property
    def is_in_use(self) -> bool:
        """The operator wants it used."""
        return self.enabled and self.weight > 0 and self.drain is None


class Certificate(Entity):
    """What clients are shown, or what we show to targets: a chain and its private key, perhaps a second pair."""

    kind = "certificates"
    called_by = "subject"

    cert = models.TextField()
    subject = Subject(of="cert", null=True)
    not_after = EndOfLife(of="cert", null=True, db_index=True)
    key = SealedText()
    cert_alt = models.TextField(null=True)
    key_alt = SealedText(null=True)


class Sni(Entity):
    """A server name for which clients are shown a certificate."""

    kind = "snis"

    name = models.TextField(unique=True)
    certificate = models.ForeignKey(Certificate, on_delete=models.CASCADE, related_name="snis")


class CaCertificate(Entity):
    """An authority that services may trust."""

    kind = "ca_certificates"
    called_by = "subject"

    cert = models.TextField()
    subject = Subject(of="cert", null=True)
    not_after = EndOfLife(of="cert", null=True, db_index=True)
    cert_digest = models.TextField(unique=True)


class Consumer(Entity):
    """A client of the gateway's APIs, known by its credentials."""

    kind = "consumers"

    username = models.TextField(null=True, unique=True)
    custom_id = models.TextField(null=True, unique=True)


class Unexpired(models.Manager):
    """The rows there are, as everybody sees them. Expired ones stay in the table until the next edit of their kind."""

    def get_queryset(self):
        return super().get_queryset().filter(models.Q(expires_at=None) | models.Q(expires_at__gt=int(time.time())))


class KeyauthCredential(Entity):
    """A key that a consumer sends."""

    kind = "keyauth_credentials"

    key = SealedText(digest_field="key_digest")
    key_digest = Digest(of="key", unique=True)
    consumer = models.ForeignKey(Consumer, on_delete=models.CASCADE, related_name="keys")
    expires_at = models.BigIntegerField(null=True, db_index=True)  # unix seconds

    objects = Unexpired()

    class Meta(Entity.Meta):
        constraints = range_constraints("keyauth_credentials")


class BasicauthCredential(Entity):
    """A user name and a password, kept as Kong keeps it: SHA-1 of the password and the consumer's id."""

    kind = "basicauth_credentials"

    username = models.TextField(unique=True)
    password = SealedText()
    consumer = models.ForeignKey(Consumer, on_delete=models.CASCADE, related_name="logins")


class Acl(Entity):
    """A group that a consumer belongs to."""

    kind = "acls"

    group = models.TextField()
    consumer = models.ForeignKey(Consumer, on_delete=models.CASCADE, related_name="groups")

    class Meta(Entity.Meta):
        constraints = [models.UniqueConstraint(fields=["consumer", "group"], name="unique_group_per_consumer")]


class Plugin(Entity):
    """A policy in the path of requests: of all of them, or of one route, service, consumer or several of these."""

    kind = "plugins"

    name = models.TextField(db_index=True)
    instance_name = models.TextField(null=True, unique=True)
    route = models.ForeignKey(Route, null=True, on_delete=models.CASCADE, related_name="plugins")
    service = models.ForeignKey(Service, null=True, on_delete=models.CASCADE, related_name="plugins")
    consumer = models.ForeignKey(Consumer, null=True, on_delete=models.CASCADE, related_name="plugins")
    config = SealedJSON()  # as a whole: which settings are secret depends on the plugin
    protocols = models.JSONField()
    enabled = models.BooleanField()

    class Meta(Entity.Meta):
        constraints = [
            models.UniqueConstraint(
                "name",
                *(
                    Coalesce(scope, models.Value(NOBODY, models.UUIDField()))
                    for scope in ("route", "service", "consumer")
                ),
                name="unique_plugin_per_scope",
            )
        ]


class Head(models.Model):
    """One row: the version of the newest change. Writers lock it, so the order of commits is the order of versions."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    version = models.BigIntegerField(default=0)
    epoch = models.UUIDField(default=uuid.uuid4)  # another one = another database, whose versions mean something else

    def __str__(self):
        return f"version {self.version}"


class Change(models.Model):
    """One edit of one entity. ``before`` is null for a creation, ``after`` for a deletion.

    Secrets in both are sealed; ``secrecy.unsealed`` opens them, ``secrecy.masked`` hides them from people.
    """

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
