"""From a request head to what must be done with it: purely, before anything happens.

``prepare`` is a function of the runtime, the peer and the head alone. That is why a connection that sends the same head
again under the same runtime may use the same ``Forward`` again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from proxy_engine.http import reply
from proxy_engine.http.request import RequestHead
from proxy_engine.proxy.facts import RequestFacts
from proxy_engine.proxy.forward import HANDSHAKE_LINES, Peer, bare_host, believed_scheme, forwarding_lines, path_lines
from proxy_engine.routing import Match, normalise_path, upstream_path

if TYPE_CHECKING:
    from proxy_engine.runtime import Runtime, ServicePlan, TargetLink
    from proxy_engine.spec import Route


class Refusal(NamedTuple):
    """An answer of the gateway's own instead of a forwarded request."""

    status: int
    message: str | None = None  # None: the usual one for the status
    extra: bytes = b""  # header lines, each with CRLF
    location: bytes = b""  # of a redirect
    is_ambiguous: bool = False  # the connection cannot go on


class Forward:
    """A request that can be forwarded: everything that does not depend on the target."""

    __slots__ = ("fields", "head", "key", "logged", "match", "path", "plan", "runtime")

    def __init__(
        self, runtime: Runtime, head: RequestHead, match: Match, plan: ServicePlan, path: bytes, fields: bytes
    ) -> None:
        self.runtime = runtime
        self.head = head
        self.match = match
        self.plan = plan
        self.path = path  # with the query
        self.fields = fields  # header lines without Host and the request's id
        self.key: bytes | None = None  # what a hashing upstream looks at; None: a cookie must be issued
        self.logged: bytes | tuple[bytes, ...] = b""  # what the access log says of it, once that was asked for

    def __repr__(self) -> str:
        return f"<Forward {self.head.method!r} {self.path!r} by {self.match}>"

    def render(self, link: TargetLink, id_line: bytes) -> bytes:
        """The whole head for one target. ``id_line``: the request's id, and the empty line."""
        head = self.head
        host_line = b"Host: %b\r\n" % head.host if self.match.route.preserve_host and head.host else link.host_line
        return b"".join((head.method, b" ", link.prefix, self.path, b" HTTP/1.1\r\n", host_line, self.fields, id_line))


def prepare(runtime: Runtime, peer: Peer, head: RequestHead) -> Forward | Refusal:
    target = head.target
    block = head.block
    try:
        path, query = normalise_path(target)
    except ValueError:
        return Refusal(400, is_ambiguous=True)
    match = runtime.table.match(head.method, head.host, path, head.fields, peer.port, peer.scheme, None)
    if match is None:
        return Refusal(404)
    route = match.route
    if "http" not in route.protocols and (refusal := _protocol_refusal(route, peer, head)) is not None:
        return refusal
    plan = runtime.plans.get(route.service_id)
    if plan is None:
        return Refusal(503, reply.NO_SERVICE)
    raw_path = target[: len(target) - len(query)] if query else target
    prefix = match.prefix if route.strip_path and match.prefix != b"/" else None
    fields = b"".join(
        (
            block.forward_before,
            head.middle,
            block.forward_after,
            forwarding_lines(peer, head),
            path_lines(peer, block, raw_path, prefix),
        )
    )
    if block.upgrade is not None and head.is_handshake:
        fields = HANDSHAKE_LINES + fields
    forward = Forward(runtime, head, match, plan, upstream_path(match, path, plan.base_path) + query, fields)
    if plan.hash_input is not None:
        forward.key = plan.hash_input(RequestFacts(peer.address, head, path, query, match.captures))
    return forward


def _protocol_refusal(route: Route, peer: Peer, head: RequestHead) -> Refusal | None:
    """Kong: https-only routes ask plain requests to upgrade; gRPC cannot come over HTTP/1.1."""
    if believed_scheme(peer, head.block) in route.protocols:
        return None
    if "https" not in route.protocols:
        return Refusal(426, "Please use HTTP2 protocol", b"Connection: Upgrade\r\nUpgrade: HTTP/2\r\n")
    status = route.https_redirect_status_code
    if status == 426:
        return Refusal(426, reply.USE_HTTPS, b"Connection: Upgrade\r\nUpgrade: TLS/1.2, HTTP/1.1\r\n")
    if not head.host:  # HTTP/1.0 may leave it out; then there is nowhere to send the client
        return Refusal(400)
    return Refusal(status, location=b"https://" + bare_host(head.host) + head.target)
