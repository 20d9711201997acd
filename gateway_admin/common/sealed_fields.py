"""Columns whose text is sealed in the database and plain in Python."""

import json

from django.core.exceptions import FieldError
from django.db import models
from django.db.models.lookups import In

from .derived_fields import Derived
from .sealing import digest, digests, seal, unseal


class SealedText(models.TextField):
    """``digest_field``: the column beside it by which ``filter(key=…)`` and ``filter(key__in=…)`` find; no other lookup
    works, for the sealed form of a text is never twice the same."""

    def __init__(self, *args, digest_field: str | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.digest_field = digest_field

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        if self.digest_field:
            kwargs["digest_field"] = self.digest_field
        return name, path, args, kwargs

    def get_prep_value(self, value):
        return None if value is None else seal(value)

    def from_db_value(self, value, expression, connection):
        return None if value is None else unseal(value)

    def get_lookup(self, lookup_name):
        return {"exact": SealedExact, "in": SealedIn}.get(lookup_name) or self._null_lookup(lookup_name)

    def _null_lookup(self, lookup_name):
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None


class SealedExact(In):
    lookup_name = "exact"

    def __init__(self, lhs, rhs):
        super().__init__(_digest_column(lhs), None if rhs is None else digests(rhs))


class SealedIn(In):
    def __init__(self, lhs, rhs):
        super().__init__(_digest_column(lhs), [found for text in rhs for found in digests(text)])


def _digest_column(column):
    field = column.target
    if not field.digest_field:
        raise FieldError(f"{field.name} is sealed: it cannot be searched")
    return field.model._meta.get_field(field.digest_field).get_col(column.alias)


class SealedJSON(SealedText):
    """A JSON value, sealed as a whole."""

    def get_prep_value(self, value):
        return None if value is None else seal(json.dumps(value, separators=(",", ":")))

    def from_db_value(self, value, expression, connection):
        return None if value is None else json.loads(unseal(value))


class Digest(Derived, models.CharField):
    """Of the sealed column that it follows."""

    def __init__(self, *args, of: str, **kwargs):
        super().__init__(*args, of=of, **{"max_length": 64} | kwargs)

    def derive(self, value):
        return digest(value)
