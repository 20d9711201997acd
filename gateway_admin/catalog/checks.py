"""What Django checks of us when it starts or migrates (``manage.py check --database default``)."""

from django.core.checks import Error, Tags, register
from django.db import DatabaseError

from .resealing import unreadable


@register(Tags.database)
def stored_secrets_can_be_read(app_configs=None, databases=None, **kwargs):
    """Found at the start, a wrong key is one clear line; found later, it is a failure of whatever reads the secret."""
    if not databases:
        return []
    try:
        found = unreadable()
    except DatabaseError:
        return []  # no tables yet, or no database: others say so
    rows = ", ".join(f"{count} of {kind}" for kind, count in found.items())
    text = f"Stored secrets were sealed with another GATEWAY_SECRET_KEY: {rows}."
    hint = "Set the key they were sealed with, or name it in GATEWAY_SECRET_KEY_FALLBACKS and run reseal_secrets."
    return [Error(text, hint=hint, id="catalog.E001")] if found else []
