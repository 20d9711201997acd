"""What pages say of certificates: whose they are, how long they last, and the names they are shown for."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from gateway_admin.catalog.models import Sni
from gateway_admin.common.lookups import containing
from proxy_engine.spec import pem

SOON = timedelta(days=30)
NAMED = 5  # server names in a row of the list
ENDED = Q(not_after__lte=Now())
ENDS_SOON = Q(not_after__lte=Now() + SOON)  # or has ended


@dataclass(frozen=True)
class Ending:
    """When a certificate ends, as a pill. ``word`` is empty while there is no reason to worry."""

    at: datetime

    @property
    def left(self) -> timedelta:
        return self.at - timezone.now()

    @property
    def pill(self) -> str:
        return "bad" if self.left <= timedelta() else "warn"

    @property
    def word(self) -> str:
        if self.left <= timedelta():
            return "expired"
        if self.left > SOON:
            return ""
        return f"ends in {self.left.days} d" if self.left.days else "ends today"


def attach_names(rows: list) -> None:
    """Each certificate gets ``names`` and ``names_left``. One statement."""
    names = defaultdict(list)
    for key, name in Sni.objects.filter(certificate__in=rows).order_by("name").values_list("certificate", "name"):
        names[key].append(name)
    for row in rows:
        row.names, row.names_left = names[row.pk][:NAMED], max(0, len(names[row.pk]) - NAMED)


def shown_for(text: str) -> Q:
    """Certificates with such a server name."""
    return Q(pk__in=Sni.objects.filter(containing("name", text)).values("certificate"))


def with_names(row) -> dict:
    """The values of an entity, and what its form has besides: the server names of a certificate."""
    values = row.to_values()
    if row.kind != "certificates":
        return values
    return values | {"snis": list(row.snis.order_by("name").values_list("name", flat=True))}


def certificate_tab(request, row, slug) -> dict:
    second = getattr(row, "cert_alt", None)
    return {"certificates": [pem.facts(text) for text in (row.cert, second) if text]}


def names_tab(request, row, slug) -> dict:
    return {"names": row.snis.order_by("name")}
