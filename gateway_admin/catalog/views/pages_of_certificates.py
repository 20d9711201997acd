"""The pages of certificates, the names they are shown for, and the authorities that are trusted."""

from __future__ import annotations

from gateway_admin.catalog.models import CaCertificate, Certificate, Sni

from . import rows
from .certificates import ENDED, ENDS_SOON, attach_names, shown_for
from .page_shape import CONFIGURATION, HISTORY, SETTINGS, Choices, Pages, Tab

_STATES = Choices("state", "State", {"soon": ("ends within 30 days, or ended", ENDS_SOON), "ended": ("ended", ENDED)})
_FACTS = Tab("", "Certificate", "catalog/tabs/_certificate.html")

CERTIFICATES = (
    Pages(
        kind="certificates",
        group="Traffic",
        says="What clients are shown, or targets.",
        purpose="A certificate with its private key, and the server names for which clients are shown it.",
        search=("subject", "tags"),
        search_also=shown_for,
        search_hint="Subject, server name or tag",
        sorts={"subject": "subject", "ends": "not_after", "updated": "updated_at"},
        choices=(_STATES,),
        tabs=(_FACTS, Tab("names", "Server names", "catalog/tabs/_names.html"), CONFIGURATION, HISTORY),
        table="catalog/_certificate_table.html",
        rows=Certificate.objects.all,
        dress=attach_names,
    ),
    Pages(
        kind="snis",
        many="server names",
        says="Which certificate clients are shown for which name.",
        purpose="A server name is added on the page of its certificate.",
        search=("name", "certificate__subject", "tags"),
        search_hint="Name, certificate or tag",
        sorts={"name": "name", "certificate": "certificate__subject", "updated": "updated_at"},
        choices=(),
        tabs=(SETTINGS, CONFIGURATION, HISTORY),
        table="catalog/_owned_table.html",
        rows=rows.owned_rows(Sni, "certificate"),
        facts="catalog/_owned_facts.html",
        owner="certificate",
        owner_tab="names",
    ),
    Pages(
        kind="ca_certificates",
        many="CA certificates",
        group="Traffic",
        says="Authorities that services may trust.",
        purpose="The certificate of an authority. A service that names it trusts targets for which it vouches.",
        search=("subject", "cert_digest", "tags"),
        search_hint="Subject, digest or tag",
        sorts={"subject": "subject", "ends": "not_after", "updated": "updated_at"},
        choices=(_STATES,),
        tabs=(_FACTS, CONFIGURATION, HISTORY),
        table="catalog/_certificate_table.html",
        rows=CaCertificate.objects.all,
        facts="catalog/_certificate_facts.html",
    ),
)
