"""What the gateway says to a target in the client's name: the forwarding header fields.

Kong's set (kong 3.10): X-Forwarded-For, -Proto, -Host, -Port, -Path, -Prefix, X-Real-IP, Via. A client's own values are
believed only when its address is in ``trusted_ips``; X-Forwarded-For is appended to in any case, so that the last
address in it is always one that the gateway saw itself. ``Forwarded`` (RFC 7239) is not written here: a trusted peer's
passes on as it came, anybody else's ends here, since a target that prefers it would believe a stranger. And
X-Kong-Request-Id is the gateway's own, whoever sends one.
"""

from __future__ import annotations

from urllib.parse import quote_from_bytes

from proxy_engine.http.request import RequestHead
from proxy_engine.http.request_block import RequestBlock

VIA_NAME = b"gatehouse"

HANDSHAKE_LINES = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"

_LINES = (
    b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\nX-Forwarded-Port: %d\r\nX-Real-IP: %b\r\n"
    b"Via: %b%b\r\nX-Forwarded-Host: %b\r\n"
)
_VISIBLE = bytes(range(0x21, 0x7F))


class Peer:
    """Who is at the other end of a client connection, and through which listener it came."""

    __slots__ = ("address", "is_trusted", "known_host", "known_lines", "port", "scheme")

    def __init__(self, address: str, *, scheme: str, port: int, is_trusted: bool) -> None:
        self.address = address.encode()
        self.scheme = scheme
        self.port = port
        self.is_trusted = is_trusted
        self.forget()

    def forget(self) -> None:
        """The lines of its last request, which are mostly those of the next: a client seldom changes its host."""
        self.known_host: bytes | None = None
        self.known_lines = b""


def bare_host(host: bytes) -> bytes:
    """Lower-case and without the port."""
    if host.startswith(b"["):
        return host[: host.find(b"]") + 1].lower()
    return host.partition(b":")[0].lower()


def forwarding_lines(peer: Peer, head: RequestHead) -> bytes:
    """The lines that do not depend on the path; CRLF after each."""
    sent = head.block.forwarded
    if head.host == peer.known_host and not sent and not head.is_http10:
        return peer.known_lines
    version = b"1.0 " if head.is_http10 else b"1.1 "
    if sent:
        return _with_clients_values(peer, head, sent, version)
    address = peer.address
    lines = _LINES % (address, peer.scheme.encode(), peer.port, address, version, VIA_NAME, bare_host(head.host))
    if not head.is_http10:
        peer.known_host, peer.known_lines = head.host, lines
    return lines


def _with_clients_values(peer: Peer, head: RequestHead, sent: dict[bytes, bytes], version: bytes) -> bytes:
    believed = sent if peer.is_trusted else {}
    before, via = sent.get(b"x-forwarded-for"), sent.get(b"via")
    fields = (
        (b"X-Forwarded-For", before + b", " + peer.address if before else peer.address),
        (b"X-Forwarded-Proto", believed.get(b"x-forwarded-proto") or peer.scheme.encode()),
        (b"X-Forwarded-Port", believed.get(b"x-forwarded-port") or b"%d" % peer.port),
        (b"X-Real-IP", believed.get(b"x-real-ip") or peer.address),
        (b"Via", (via + b", " if via else b"") + version + VIA_NAME),
        (b"X-Forwarded-Host", believed.get(b"x-forwarded-host") or bare_host(head.host)),
        (b"Forwarded", believed.get(b"forwarded")),
    )
    return b"".join(b"%b: %b\r\n" % field for field in fields if field[1])


def path_lines(peer: Peer, block: RequestBlock, raw_path: bytes, prefix: bytes | None) -> bytes:
    """X-Forwarded-Path: the path as the client wrote it. X-Forwarded-Prefix: what strip_path took off, if anything.

    ``prefix`` is a piece of the normalised path, in which ``%0d%0a`` from the client has become CRLF: it is encoded
    again before it may stand in a line.
    """
    if prefix and prefix.translate(None, _VISIBLE):
        prefix = quote_from_bytes(prefix, safe=_VISIBLE).encode()
    if peer.is_trusted and block.forwarded:
        raw_path = block.forwarded.get(b"x-forwarded-path") or raw_path
        prefix = block.forwarded.get(b"x-forwarded-prefix") or prefix
    if prefix:
        return b"X-Forwarded-Path: %b\r\nX-Forwarded-Prefix: %b\r\n" % (raw_path, prefix)
    return b"X-Forwarded-Path: %b\r\n" % raw_path


def believed_scheme(peer: Peer, block: RequestBlock) -> str:
    """The scheme the client used, as far as it can be trusted."""
    if peer.is_trusted and (sent := block.forwarded.get(b"x-forwarded-proto")):
        return sent.decode("latin-1").lower()
    return peer.scheme
