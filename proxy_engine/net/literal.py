"""Addresses as text."""

from __future__ import annotations

import socket


def is_address(host: str) -> bool:
    """Whether it is an IPv4 or IPv6 address, without brackets; else it is a name to be resolved."""
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except (OSError, ValueError):  # ValueError: a NUL, or what is no text in UTF-8
        return False
    return True
