"""From a request head to what must be done with it: purely, before anything happens.

``prepare`` is a function of the runtime, the peer and the head alone. That is why a connection that sends the same head
again under the same runtime may use the same ``Forward`` again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from proxy_engine.http import reply
from proxy_engine.http.request import RequestHead
from proxy_engine.proxy.facts import RequestFacts
from proxy_engine.proxy.forward import HANDSHAKE_LINES, Peer, bare_host, believed_scheme, forwarding_lines, path_lines
from proxy_engine.routing import Match, read_target, upstream_path

if TYPE_CHECKING:
    from proxy_engine.runtime import Runtime, ServicePlan, TargetLink
    from proxy_engine.spec import Route


MOST_KNOWN = 4  # heads of a repeated request that are kept, of 1 KB or so for each busy connection


class Refusal(NamedTuple):
    """An answer of the gateway's own instead of a forwarded request."""

    status: int
    message: str | None = None  # None: the usual one for the status
    extra: bytes = b""  # header lines, each with CRLF
    location: bytes = b""  # of a redirect
    is_ambiguous: bool = False  # the connection cannot go on


class Forward:
    """A request that can be forwarded: everything that does not depend on the target. Made by ``prepare``, which fills
    it in; see ``RequestHead``."""

    __slots__ = ("fields", "head", "key", "known", "logged", "match", "path", "plan", "runtime", "shown")

    runtime: Runtime
    head: RequestHead
    match: Match
    plan: ServicePlan
    path: bytes  # with the query
    fields: tuple[bytes, ...]  # header lines without Host and the request's id
    key: bytes | None  # what a hashing upstream looks at; None: a cookie must be issued
    logged: Any  # what the access log says of it but for its target, once that was asked for
    shown: bytes  # the target as the access log has it; empty: that was not asked for
    known: dict[TargetLink, bytes] | None  # heads without their id, by target, once the request has come again

    def __repr__(self) -> str:
        return f"<Forward {self.head.method!r} {self.path!r} by {self.match}>"

    def render(self, link: TargetLink, id_line: bytes) -> bytes:
        """The whole head for one target. ``id_line``: the request's id, and the empty line."""
        known = self.known
        if known is None:
            return self._join(link, id_line)
        start = known.get(link)
        if start is None:
            start = self._join(link, b"")
            if len(known) < MOST_KNOWN:
                known[link] = start
        return start + id_line

    def _join(self, link: TargetLink, id_line: bytes) -> bytes:
        head, host = self.head, host_line(self, link)
        return b"".join((head.method, b" ", link.prefix, self.path, b" HTTP/1.1\r\n", host, *self.fields, id_line))

    def goes_as(self, other: Forward) -> bool:
        """Whether it has the same form, route and plan."""
        return self.match is other.match and self.head.block is other.head.block and self.runtime is other.runtime


def host_line(forward: Forward, link: TargetLink) -> bytes:
    host = forward.head.host
    return b"Host: %b\r\n" % host if host and forward.match.route.preserve_host else link.host_line


def stripped_prefix(match: Match) -> bytes | None:
    """What X-Forwarded-Prefix tells of, if anything."""
    return match.prefix if match.route.strip_path and match.prefix != b"/" else None


def prepare(runtime: Runtime, peer: Peer, head: RequestHead) -> Forward | Refusal:
    target = head.target
    block = head.block
    try:
        path, query, is_plain = read_target(target)
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
    prefix = stripped_prefix(match)
    lines = (block.forward_before, head.middle, block.forward_after, forwarding_lines(peer, head))
    if prefix is None and not block.forwarded:  # what ``path_lines`` says then
        fields = (*lines, b"X-Forwarded-Path: ", raw_path, b"\r\n")
    else:
        fields = (*lines, path_lines(peer, block, raw_path, prefix))
    if block.upgrade is not None and head.is_handshake:
        fields = (HANDSHAKE_LINES, *fields)
    forward = Forward()
    forward.runtime = runtime
    forward.head = head
    forward.match = match
    forward.plan = plan
    forward.path = upstream_path(match, path, plan.base_path, is_plain) + query
    forward.fields = fields
    forward.key = forward.logged = forward.known = None
    forward.shown = b""
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
