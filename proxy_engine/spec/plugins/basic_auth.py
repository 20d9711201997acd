"""basic-auth: user name and password (RFC 7617)."""

from __future__ import annotations

from .plugin import NO_CONSUMER, Plugin, anonymous, flag, realm

PLUGIN = Plugin(
    name="basic-auth",
    priority=1100,
    help="Lets in whoever shows a known user name with its password.",
    scopes=NO_CONSUMER,
    settings={
        "anonymous": anonymous(),
        "hide_credentials": flag(False, "Take the Authorization header out before forwarding."),
        "realm": realm(default="service", required=True),
    },
)
