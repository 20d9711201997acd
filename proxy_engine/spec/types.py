"""What the operator asked for, as the engine reads it: frozen, typed, already checked.

Attribute names are Kong's field names (Kong Admin API, 3.10). Units stand in the comments; ``None`` means "not set".
What the engine observes (health, connections, counters) is never here: see ``proxy_engine.health.state``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """A logical API. ``host`` names an upstream, or is a DNS name or address used with ``port``."""

    id: str
    name: str | None
    protocol: str
    host: str
    port: int
    path: str | None
    retries: int  # further tries after the first one
    connect_timeout: int  # ms
    write_timeout: int  # ms between two writes
    read_timeout: int  # ms between two reads
    enabled: bool  # False: its routes do not exist for the router
    tls_verify: bool | None
    tls_verify_depth: int | None
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """A rule that leads requests to a service. Every attribute kind that is set must match."""

    id: str
    name: str | None
    protocols: tuple[str, ...]
    methods: tuple[str, ...]
    hosts: tuple[str, ...]
    paths: tuple[str, ...]  # prefix, or "~" and a regular expression
    headers: tuple[tuple[str, tuple[str, ...]], ...]
    snis: tuple[str, ...]
    sources: tuple[tuple[str | None, int | None], ...]
    destinations: tuple[tuple[str | None, int | None], ...]
    service_id: str | None
    strip_path: bool
    preserve_host: bool
    regex_priority: int
    path_handling: str
    https_redirect_status_code: int
    request_buffering: bool
    response_buffering: bool
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HealthyRule:
    interval: float  # s between probes of a target that is up; 0 = no probes
    http_statuses: frozenset[int]
    successes: int  # in a row, until a target counts as healthy; 0 = never


@dataclass(frozen=True, slots=True)
class UnhealthyRule:
    interval: float  # s between probes of a target that is down; 0 = no probes
    http_statuses: frozenset[int]
    tcp_failures: int  # each counter: until a target counts as unhealthy; 0 = never
    timeouts: int
    http_failures: int


@dataclass(frozen=True, slots=True)
class ActiveChecks:
    type: str
    timeout: float  # s
    concurrency: int
    http_path: str
    https_sni: str | None
    https_verify_certificate: bool
    headers: tuple[tuple[str, tuple[str, ...]], ...]
    healthy: HealthyRule
    unhealthy: UnhealthyRule

    @property
    def is_on(self) -> bool:
        """Whether any checks are made (Kong §9.1)."""
        return bool(self.healthy.interval or self.unhealthy.interval)

    @property
    def can_fail(self) -> bool:
        """Whether they could ever take a target out: limits are 0 by default, which means never."""
        rule = self.unhealthy
        sees_failures = {"tcp": False, "grpc": True, "grpcs": True}.get(self.type, bool(rule.http_statuses))
        counts = rule.tcp_failures or rule.timeouts or (rule.http_failures and sees_failures)
        return bool(self.healthy.interval and counts)

    @property
    def can_recover(self) -> bool:
        """Whether they could ever bring one back."""
        return bool(self.unhealthy.interval and self.healthy.successes)


@dataclass(frozen=True, slots=True)
class PassiveChecks:
    type: str
    healthy: HealthyRule
    unhealthy: UnhealthyRule

    @property
    def is_on(self) -> bool:
        """As Kong has it: some failure has a limit."""
        rule = self.unhealthy
        return bool(rule.tcp_failures or rule.timeouts or rule.http_failures)

    @property
    def can_fail(self) -> bool:
        rule = self.unhealthy
        return bool(rule.tcp_failures or rule.timeouts or (rule.http_failures and rule.http_statuses))


@dataclass(frozen=True, slots=True)
class Healthchecks:
    active: ActiveChecks
    passive: PassiveChecks
    threshold: float  # percent of the weight that must be available for the upstream to be used

    @property
    def can_judge(self) -> bool:
        """Whether any of the checks could ever find a target unhealthy."""
        return self.active.can_fail or self.passive.can_fail


@dataclass(frozen=True, slots=True)
class ProbeRules:
    """How active checks ask, beyond Kong's settings."""

    method: str
    host: str | None  # Host header and TLS name; None = the upstream's, or the target's
    port: int | None  # None = the target's
    body: str | None
    contains: str | None  # text that the answer's body must have
    matches: str | None  # RE2
    json: tuple[str, ...]  # path=value, all of them
    grpc_service: str | None  # None = the whole server
    jitter: float  # percent of the interval
    start_unhealthy: bool  # a new target is down until a check of it succeeded

    @property
    def reads_body(self) -> bool:
        return bool(self.contains or self.matches or self.json)


@dataclass(frozen=True, slots=True)
class RetryRules:
    """Beyond Kong's ``retries``, which counts the tries."""

    statuses: frozenset[int]  # of answers that are tried again, for idempotent methods
    on_read_timeout: bool  # for idempotent methods
    backoff: int  # ms before the first further try, doubling; 0 = at once
    max_backoff: int  # ms
    total_timeout: int  # ms for all tries until an answer begins; 0 = no limit
    budget: float  # percent of the requests under way that may be further tries; 0 = no limit
    budget_min: int  # further tries at once that are always allowed


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    consecutive_failures: int  # 0 = never
    failure_percentage: float  # 0 = never
    minimum_requests: int  # within the window, before the percentage counts
    window: float  # s
    http_statuses: frozenset[int]  # that count as failure
    open_time: float  # s
    half_open_requests: int  # successes until a target is let back in
    max_ejected: float  # percent of the targets

    @property
    def is_on(self) -> bool:
        return bool(self.consecutive_failures or self.failure_percentage)


@dataclass(frozen=True, slots=True)
class ConnectionRules:
    """How connections to targets are opened and kept. ``None`` of a timeout: the service's."""

    pool_size: int  # idle connections per target; 0 = none are kept
    idle_timeout: float  # s
    max_requests: int  # over one connection; 0 = no limit
    connect_timeout: int | None  # ms
    write_timeout: int | None  # ms
    read_timeout: int | None  # ms
    tcp_keepalive_idle: int  # s; 0 = no probes
    tcp_keepalive_interval: int  # s
    tcp_keepalive_count: int
    receive_buffer: int  # bytes; 0 = the system's
    tcp_fast_open: bool


@dataclass(frozen=True, slots=True)
class SlowStart:
    """How a target that is new or came back gets to its full share. See ``proxy_engine.health.slow_start``."""

    window: float  # s; 0 = at once
    min_share: float  # percent of its full share at the beginning
    aggression: float  # exponent 1 / aggression on the share of the window that is over

    @property
    def is_on(self) -> bool:
        return self.window > 0 and self.min_share < 100


@dataclass(frozen=True, slots=True)
class Drain:
    """A target gets no new requests. When it ends, and what then, is not the engine's business."""

    keep_sticky: bool  # clients whose hash leads to it stay


STICKY_INPUTS = frozenset({"cookie", "header", "consumer", "ip"})
"""What tells clients apart, other than what they ask for."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A named pool of targets and the policy that picks one."""

    id: str
    name: str
    algorithm: str
    hash_on: str
    hash_fallback: str
    hash_on_header: str | None
    hash_fallback_header: str | None
    hash_on_cookie: str | None
    hash_on_cookie_path: str
    hash_on_query_arg: str | None
    hash_fallback_query_arg: str | None
    hash_on_uri_capture: str | None
    hash_fallback_uri_capture: str | None
    slots: int
    host_header: str | None
    client_certificate_id: str | None
    healthchecks: Healthchecks
    probe: ProbeRules
    when_all_unhealthy: str  # "refuse", "use_all" or "threshold"
    panic_threshold: int  # percent of the weight; with "threshold"
    slow_start: SlowStart
    retry: RetryRules
    circuit_breaker: CircuitBreaker
    connections: ConnectionRules
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """One server of an upstream. ``target`` is the normalised ``host:port``; in ``host`` IPv6 has no brackets."""

    id: str
    upstream_id: str
    target: str
    host: str
    port: int
    weight: int  # share of traffic = weight / sum of the weights of the ready targets; 0 = none
    enabled: bool  # the operator's switch
    priority: int  # 0 first; others only while no target of a lower number is ready
    scheme: str | None  # "http" or "https": overrides the service's protocol
    path: str | None  # put before the request path
    tags: tuple[str, ...]
    drain: Drain | None = None
