"""Who may come in: connections in all and per client address are counted, and too many turned away.

Per worker, since the kernel spreads the connections of one address over all of them. Two bounds, two answers:

- **one client has too many:** 429, since it is this client's doing and others are served (nginx's ``limit_conn`` says
  503, which a monitor in front would take for our failure; RFC 6585 §4). It may read its answer before we close.
- **all together are too many:** 503 and closed at once, so that a flood finds nothing to hold on to. There are always
  files left for connections to targets: with all of them taken by clients, none could be served (HAProxy derives its
  ``maxconn`` from the limit of files likewise). Accepting never meets EMFILE for that reason.

An IPv6 client owns a /64 (RFC 6177) and is counted by it. Trusted proxies speak for many and are not counted alone.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from proxy_engine.net import files
from proxy_engine.settings import Limits

TOO_MANY_OF_ONE = (429, "Too many connections from this address")
TOO_MANY = (503, "Too many connections")

Turned = tuple[int, str]
"""Status and message for a client that is turned away."""


class Door:
    def __init__(self, limits: Limits, file_limit: int) -> None:
        room = files.room_for_clients(file_limit)
        self.most = min(limits.connections or room, room)
        self.most_per_client = limits.connections_per_client  # 0: any number
        self.inside: dict[bytes, int] = {}  # connections by place
        self.place_of = lru_cache(maxsize=4096)(place_of)

    def __repr__(self) -> str:
        return f"<Door most={self.most} most_per_client={self.most_per_client} places={len(self.inside)}>"

    def enter(self, address: str, count: int, *, is_trusted: bool) -> bytes | Turned:
        """The place that ``leave`` gets, empty for one that is not counted. ``count``: connections there are."""
        if count >= self.most:
            return TOO_MANY
        if not self.most_per_client or is_trusted:
            return b""
        place = self.place_of(address)
        there = self.inside.get(place, 0)
        if there >= self.most_per_client:
            return TOO_MANY_OF_ONE
        self.inside[place] = there + 1
        return place

    def leave(self, place: bytes) -> None:
        left = self.inside[place] - 1
        if left:
            self.inside[place] = left
        else:
            del self.inside[place]


def place_of(address: str) -> bytes:
    """What connections are counted by: an IPv4 address, or the /64 of an IPv6 one."""
    parsed = ipaddress.ip_address(address)
    if parsed.version == 6 and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed.packed[:8]
