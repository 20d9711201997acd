"""What would change, entity by entity, and how it is carried out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gateway_admin.catalog import applying, differences
from gateway_admin.catalog.changes import Actor, Batch, batch
from gateway_admin.catalog.kinds import IN_ORDER, KINDS
from gateway_admin.common.problems import EditsInvalid, EntityInvalid
from proxy_engine.spec import ENTITY, Problem

Values = Mapping[str, Any]


class PlanOutdated(Exception):
    """Something was changed since the plan was made: ``version`` is the newest now. Nothing was carried out."""

    def __init__(self, seen: int, version: int):
        self.seen, self.version = seen, version
        super().__init__(f"the configuration was changed meanwhile: version {version}, the preview is of {seen}")


class PlanRefused(EntityInvalid):
    """It may not be carried out. Problems begin with the kind and the name of the entity they concern."""


class Step(NamedTuple):
    """One entity as it is and as it shall be; ``before`` is None for one that comes, ``after`` for one that goes."""

    kind: str
    id: str
    before: Values | None
    after: Values | None

    @property
    def sign(self) -> str:
        return "+" if self.before is None else "-" if self.after is None else "~"

    @property
    def verb(self) -> str:
        return {"+": "create", "-": "delete", "~": "change"}[self.sign]

    @property
    def label(self) -> str:
        values = self.before if self.after is None else self.after
        field = KINDS[self.kind].spec.label_field
        return self.id[:8] if field == "id" else str(values.get(field) or self.id[:8])

    @property
    def edits(self) -> list[differences.Edit]:
        return differences.edits(self.kind, self.before, self.after)


@dataclass(frozen=True)
class Plan:
    """``problems``: why it may not be carried out; ``warnings``: why one should look twice."""

    version: int  # of the configuration that it starts from
    steps: list[Step]
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    compares_secrets_of: frozenset[str] = frozenset()  # kinds: who reads the plan could guess theirs

    @property
    def counts(self) -> dict[str, int]:
        counted = Counter(step.verb for step in self.steps)
        return {verb: counted[verb] for verb in ("create", "change", "delete")}


def steps_between(before: Mapping[tuple[str, str], Values | None], after: Mapping[tuple[str, str], Values | None]):
    """From one state to another, both by kind and id. What comes in the order to create in, what goes backwards."""
    found = [Step(*at, before.get(at), after.get(at)) for at in {**before, **after}]
    return in_order(step for step in found if not same(step.before, step.after))


def in_order(steps: Iterable[Step]) -> list[Step]:
    rank = {kind: number for number, kind in enumerate(IN_ORDER)}
    steps = list(steps)
    gone = sorted((step for step in steps if step.after is None), key=lambda step: -rank.get(step.kind, 0))
    rest = sorted((step for step in steps if step.after is not None), key=lambda step: rank.get(step.kind, 0))
    return gone + rest


def same(one: Values | None, other: Values | None) -> bool:
    """Whether two states are one configuration; when each was touched last is no part of it."""
    if one is None or other is None:
        return one is other
    return _configuration(one) == _configuration(other)


def _configuration(values: Values) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "updated_at"}


def carry_out(plan: Plan, actor: Actor) -> Batch:
    """One batch: all steps or none. Raises ``PlanOutdated``, and ``PlanRefused`` for what the plan could not see."""
    if plan.problems:
        raise PlanRefused(plan.problems)
    with batch(actor) as opened:
        if opened.version != plan.version:
            raise PlanOutdated(plan.version, opened.version)
        edits = [applying.Edit(step.kind, step.id, _given(step.after)) for step in plan.steps]
        try:
            applying.apply(edits=edits, actor=actor)
        except EditsInvalid as invalid:
            labels = {step[:2]: step.label for step in plan.steps}
            raise PlanRefused(_placed(invalid, labels)) from invalid
    return opened


def _placed(invalid: EditsInvalid, labels: Mapping[tuple[str, str], str]) -> Iterator[Problem]:
    """``routes.orders.paths.0``: many entities are concerned, so each problem names its own."""
    for kind, key, problems in invalid.refused:
        for problem in problems:
            inner = () if problem.path == ENTITY else problem.path
            yield Problem((kind, labels.get((kind, key), key), *inner), problem.message, problem.code)


def _given(values: Values | None) -> dict[str, Any] | None:
    return None if values is None else {name: value for name, value in values.items() if name != "updated_at"}
