"""Credentials that have run out. Nobody sees them any more (``models.Unexpired``); here their rows go as well."""

import time

from .changes import Actor, Batch
from .kinds import KINDS

SYSTEM = Actor("gatehouse", "system")


def purge_expired(kind: str, edits: Batch) -> None:
    """Before an edit of their kind, so that a key which has run out stands in nobody's way."""
    if "expires_at" not in KINDS[kind].spec.fields:
        return
    expired = KINDS[kind].model._base_manager.filter(expires_at__lte=int(time.time()))
    for gone in expired:
        edits.record(gone, before=gone.to_values(), after=None, actor=SYSTEM)
    if expired:
        expired.delete()
