"""What people make by hand, as a table: actions, pages and REST are written once for all three."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from gateway_admin.common.envelope import timestamp
from gateway_admin.common.problems import EntityNotFound
from proxy_engine import spec
from proxy_engine.spec import Problem

from .models import AlertChannel, AlertRule, AlertSilence
from .rules import CHANNEL, RULE, SILENCE, channel_problems, rule_problems, silence_problems


@dataclass(frozen=True)
class Kind:
    """``problems``: what is wrong with well-formed values as a whole; it may fill in what is left open.

    ``writes``: the action of ``common.roles`` that making and changing one is.
    """

    name: str
    label: str
    model: type[Model]
    fields: Mapping[str, spec.Field]
    problems: Callable[[dict[str, Any]], Iterable[Problem]]
    writes: str = "write"

    def find(self, key: str) -> Model:
        row = self.model.objects.filter(pk=key).first() if spec.is_uuid(str(key)) else None
        if row is None:
            raise EntityNotFound(f"alert {self.name}", key)
        return row

    def values_of(self, row: Model) -> dict[str, Any]:
        return {name: stored_value(row, name) for name in self.fields}


def stored_value(row: Model, name: str) -> Any:
    if isinstance(row, AlertSilence) and name == "rule":
        return row.rule_id and str(row.rule_id)
    value = getattr(row, name)
    return timestamp(value) if name == "until" else value


RULES = Kind("rules", "rule", AlertRule, RULE, rule_problems)
CHANNELS = Kind("channels", "channel", AlertChannel, CHANNEL, channel_problems, writes="admin")
SILENCES = Kind("silences", "silence", AlertSilence, SILENCE, silence_problems)
KINDS = {kind.name: kind for kind in (RULES, CHANNELS, SILENCES)}
