"""The base of every entity: one table row that reads and writes as one JSON object in Kong's field names ("values").

What may stand in the fields is decided by ``proxy_engine.spec``: its defaults fill a new instance, its rules run in
``clean``, its ranges become constraints of the table. Writes go through ``catalog.actions`` only.
"""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from proxy_engine import spec

from .audit_entry import AuditEntry  # noqa: F401 - Django looks for models here
from .derived_fields import Derived


class Entity(models.Model):
    """``kind`` is Kong's table name, the key into ``spec.KINDS``."""

    kind = ""
    called_by = ""  # a derived column, where it says more than the spec's ``label_field``
    times_are_whole_seconds = True  # Kong's targets alone have milliseconds

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tags = models.JSONField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True
        indexes = [models.Index(fields=["created_at", "id"], name="%(class)s_by_age")]  # the order of lists

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not args:  # rows read from the database come by position; this one is new
            absent = {
                name: value
                for name, value in spec.defaults(self.kind).items()
                if name not in kwargs and f"{name}_id" not in kwargs
            }
            self.assign(absent)

    def __str__(self):
        return self.label

    @property
    def label(self) -> str:
        """What people call it: its name, or the start of its id where it has none."""
        field = self.label_column()
        return (field != "id" and getattr(self, field)) or str(self.id)[:8]

    @classmethod
    def label_column(cls) -> str:
        return cls.called_by or spec.KINDS[cls.kind].label_field

    def clean(self):
        checked = spec.check(self.kind, self.to_values())
        if checked.problems:
            raise ValidationError(form_errors(checked.problems, self._meta))
        self.assign(checked.values)

    def to_values(self) -> dict:
        return self.values_of_row(self.__dict__)

    @classmethod
    def values_of_row(cls, row: dict) -> dict:
        """From a row of ``.values()``, so that reading 20,000 rows makes no model instances."""
        return {name: to_json(row[column]) for name, column, to_json, _ in cls.conversions()}

    def assign(self, values: dict) -> None:
        """Set the fields that ``values`` names; the others stay."""
        for name, column, _, from_json in self.conversions():
            if name in values:
                setattr(self, column, from_json(values[name]))

    @classmethod
    @cache
    def conversions(cls):
        """For each field: its name in values, its attribute, and the conversions between the two."""
        fields = [field for field in cls._meta.concrete_fields if not isinstance(field, Derived)]
        return [(field.name, field.attname, *cls._conversion(field)) for field in fields]

    @classmethod
    def columns(cls, names: Iterable[str]) -> list[str]:
        """To be saved when these fields changed: their own, and those that follow from them."""
        derived = [
            field.name for field in cls._meta.concrete_fields if isinstance(field, Derived) and field.of in names
        ]
        return [*names, *derived]

    @classmethod
    def _conversion(cls, field):
        if isinstance(field, models.ForeignKey):
            return _reference, _reference_id
        if isinstance(field, models.UUIDField):
            return str, uuid.UUID
        if isinstance(field, models.DateTimeField):
            return (_whole_seconds if cls.times_are_whole_seconds else _milliseconds), _moment
        return _same, _same


def range_constraints(kind: str) -> list[models.CheckConstraint]:
    """The ranges of the spec's numbers, for the table: a last guard against rows written past the actions."""
    return [
        models.CheckConstraint(
            name=f"{kind}_{name}_range",
            condition=models.Q(**{f"{name}__gte": field.min, f"{name}__lte": field.max}),
        )
        for name, field in spec.KINDS[kind].fields.items()
        if isinstance(field, spec.Number) and field.min is not None and field.max is not None
    ]


def form_errors(problems, meta) -> dict[str, list[str]]:
    """For Django's ``ValidationError``: by column; what concerns no single column stands under ``__all__``."""
    columns = {field.name for field in meta.concrete_fields}
    errors: dict[str, list[str]] = {}
    for problem in problems:
        first, *rest = problem.path
        place = first if first in columns else "__all__"
        inner = ".".join(str(step) for step in rest)
        errors.setdefault(place, []).append(f"{inner}: {problem.message}" if inner else problem.message)
    return errors


def _same(value):
    return value


def _reference(key):
    return None if key is None else {"id": str(key)}


def _reference_id(value):
    return None if value is None else uuid.UUID(value["id"])


def _whole_seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _milliseconds(moment: datetime) -> float:
    return round(moment.timestamp(), 3)


def _moment(unix_s: float) -> datetime:
    return datetime.fromtimestamp(unix_s, UTC)
