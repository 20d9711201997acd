"""Where a request comes from."""

import ipaddress

from django.conf import settings

FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_VIA")


def client_address(request) -> str:
    """The peer of the connection; empty on a unix socket. What a client writes into headers is not believed."""
    return request.META.get("REMOTE_ADDR") or ""


def is_loopback(request) -> bool:
    """Really from this machine: a reverse proxy on it would bring strangers in from 127.0.0.1."""
    if any(name in request.META for name in FORWARDED):
        return False
    try:
        address = ipaddress.ip_address(client_address(request))
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def is_foreign(request) -> bool:
    """Sent by a page of another origin, as far as browsers tell; ``Sec-Fetch-Site`` they always do on safe origins."""
    origin = request.META.get("HTTP_ORIGIN")
    own = (f"{request.scheme}://{request.get_host()}", *settings.CSRF_TRUSTED_ORIGINS)
    return (origin is not None and origin not in own) or request.META.get("HTTP_SEC_FETCH_SITE") in (
        "cross-site",
        "same-site",
    )
