"""Thousands of edits at once: imports and rollbacks.

The edits are judged as a whole, by the state they lead to and not by the way there: two services may swap their names,
a route may move away from a service that goes, a target may come before its upstream. So the rows that change are
taken out first, then what comes is held against what stayed, then it is put in; foreign keys are checked by the
database when the transaction ends. A statement concerns hundreds of rows: 5,000 new entities take about one second.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import transaction

from gateway_admin.common.models import Entity
from gateway_admin.common.problems import EditsInvalid
from proxy_engine import spec
from proxy_engine.spec import ENTITY, Problem
from proxy_engine.spec.schema import shown_name

from .changes import Actor, Batch, batch
from .credentials import with_key
from .deletion import goes_along, held
from .expiry import purge_expired
from .kinds import IN_ORDER, KINDS
from .validation import accepted, claim_of, control_problems, dangling, protocol_problems, taken, taken_problem

CHUNK = 300  # rows in one statement; SQLite takes 999 parameters, and a composite key has up to three long lists

Key = tuple[str, str]  # kind, id


class Edit(NamedTuple):
    """The entity is to be so: ``values`` whole (what is absent gets its default), or None where it is to be gone.

    ``id`` decides what is meant, also where ``values`` has no ``id``; new entities bring one, made by whoever edits.
    Values are as ``to_values`` has them: plain secrets, references by id, passwords as hashes (``credentials.as_given``
    turns a password into one), no pseudo fields such as a certificate's ``snis``.
    """

    kind: str
    id: str
    values: dict[str, Any] | None


def apply(*, edits: Iterable[Edit], actor: Actor) -> Batch:
    """All of them or none, as one batch; ``batch.changes`` has what came of it, deletions first.

    What already is as wanted, and what is to go and is not there, makes no change. Deletions take along what hangs on
    the entity, as ``delete`` does. Raises ``EditsInvalid``, which tells each problem with the edit it belongs to.
    """
    edits = list(edits)
    with batch(actor) as opened:
        for kind in sorted(KINDS.keys() & {edit.kind for edit in edits}):
            purge_expired(kind, opened)  # outside: stays done, and in the log, whatever comes of the edits
        with transaction.atomic():
            _apply(edits, opened)
    return opened


def _apply(edits: list[Edit], opened: Batch) -> None:
    work = _Work(opened)
    work.read(edits)
    work.take_along()
    work.refuse_if_bad()
    work.take_out()
    work.hold_against_the_rest()
    work.refuse_if_bad()
    work.put_in()
    work.refuse_if_bad()
    work.record()


@dataclass
class _Work:
    """One application of edits, step by step."""

    batch: Batch
    wanted: dict[Key, dict | None] = field(default_factory=dict)  # what shall be otherwise than it is; checked
    kept: set[Key] = field(default_factory=set)  # what already is as an edit wants it
    rows: dict[Key, Entity] = field(default_factory=dict)  # what was stored, and becomes what is stored
    befores: dict[Key, dict] = field(default_factory=dict)
    afters: dict[Key, Entity] = field(default_factory=dict)
    refused: dict[Key, list[Problem]] = field(default_factory=lambda: defaultdict(list))

    # --- Reading

    def read(self, edits: Iterable[Edit]) -> None:
        for kind, key, values in edits:
            at = (kind, str(key).lower())
            if kind not in KINDS:
                self.refused[at].append(Problem(ENTITY, f"there is no kind of entities called {shown_name(kind)}"))
            elif not spec.is_uuid(at[1]):
                self.refused[at].append(Problem(("id",), "expected a valid UUID"))
            elif at in self.wanted:
                self.refused[at].append(Problem(("id",), f"two {kind} with this id", "unique"))
            else:
                self.wanted[at] = values
        for kind, keys in self._by_kind(self.wanted):
            for chunk in _chunks(keys):
                self._remember(KINDS[kind].model.objects.filter(pk__in=chunk))
        for at, values in self.wanted.items():
            if values is not None:
                self.wanted[at] = self._checked(at, values)
        self._drop_what_stays()

    def _remember(self, rows: Iterable[Entity]) -> None:
        for row in rows:
            at = (row.kind, str(row.pk))
            self.rows[at], self.befores[at] = row, row.to_values()

    def _checked(self, at: Key, values: Any) -> dict:
        kind, key = at
        also = KINDS[kind].spec.also
        if isinstance(values, dict):
            values = values | {"id": str(values.get("id") or key)}
        result = spec.check(kind, values)
        ready = accepted(result.values)
        if isinstance(values, dict) and values.keys() <= ready.keys() | {"updated_at"} and self._is_so(at, ready):
            return ready  # whatever rules say of it by now: an authority may have expired since it was stored
        current = self.befores.get(at, {"id": key})
        self.refused[at] += [*result.problems, *control_problems(result.values, current)]
        self.refused[at] += [Problem((name,), "unknown field", "unknown") for name in also if name in result.values]
        return ready if result.problems else with_key(kind, ready)

    def _is_so(self, at: Key, values: dict | None) -> bool:
        before = self.befores.get(at)
        return before is None if values is None else before is not None and before | values == before

    def _drop_what_stays(self) -> None:
        """An edit of nothing; a bad edit stays, to be refused."""
        for at, values in list(self.wanted.items()):
            if self._is_so(at, values) and not self.refused.get(at):
                del self.wanted[at]
                self.kept.add(at)

    # --- Judging

    def take_along(self) -> None:
        """What hangs on an entity that goes, goes too, unless an edit says what becomes of it."""
        gone = [at for at, values in self.wanted.items() if values is None]
        for kind, keys in self._by_kind(gone):
            for chunk in _chunks(keys):
                for row in goes_along(kind, chunk):
                    self._take(row, KINDS[kind].label)

    def _take(self, row: Entity, owner: str) -> None:
        at = (row.kind, str(row.pk))
        if at in self.kept:
            self.refused[at].append(Problem(ENTITY, f"cannot stay when its {owner} goes", "reference"))
        elif at not in self.wanted:
            self._remember([row])
            self.wanted[at] = None

    def hold_against_the_rest(self) -> None:
        for kind, keys in self._by_kind(self.wanted):
            comes = {key: values for key in keys if (values := self.wanted[kind, key]) is not None}
            for chunk in _chunks(list(comes)):
                self._hold(kind, {key: comes[key] for key in chunk})
            gone = [key for key in keys if key not in comes]
            for chunk in _chunks(gone):
                self._refuse(kind, held(kind, chunk))
            for names in KINDS[kind].spec.unique:
                self._refuse(kind, _twins(kind, names, comes))

    def _hold(self, kind: str, comes: dict[str, dict]) -> None:
        self._refuse(kind, dangling(kind, comes, {}, self._comes))
        self._refuse(kind, taken(kind, comes, {}))

    def _comes(self, kind: str, key: str) -> bool:
        return self.wanted.get((kind, key)) is not None

    def _refuse(self, kind: str, found: Iterable[tuple[str, Problem]]) -> None:
        for key, problem in found:
            self.refused[kind, key].append(problem)

    def refuse_if_bad(self) -> None:
        bad = [(kind, key, problems) for (kind, key), problems in self.refused.items() if problems]
        if bad:
            raise EditsInvalid(bad)

    # --- Writing

    def take_out(self) -> None:
        for kind, keys in self._by_kind([at for at in self.wanted if at in self.rows]):
            for chunk in _chunks(keys):
                rows = KINDS[kind].model._base_manager.filter(pk__in=chunk)
                rows._raw_delete(rows.db)  # no cascades here: what goes along is known, the rest comes back

    def put_in(self) -> None:
        for kind, keys in self._by_kind(self.wanted):
            comes = [key for key in keys if self.wanted[kind, key] is not None]
            entities = [self._entity((kind, key)) for key in comes]
            KINDS[kind].model._base_manager.bulk_create(entities, batch_size=CHUNK)
        plugins = {key: values for (kind, key), values in self.wanted.items() if kind == "plugins" and values}
        for chunk in _chunks(list(plugins)):
            self._refuse("plugins", protocol_problems({key: plugins[key] for key in chunk}))

    def _entity(self, at: Key) -> Entity:
        entity, before = self.rows.get(at) or KINDS[at[0]].model(created_at=self.batch.at), self.befores.get(at)
        values = self.wanted[at].items()
        # What stays is left alone: the row's times are finer than those in values.
        entity.assign({name: value for name, value in values if before is None or value != before[name]})
        entity.updated_at = self.batch.at
        self.afters[at] = entity
        return entity

    def record(self) -> None:
        gone = [at for at, values in self.wanted.items() if values is None]
        for kind, keys in reversed(list(self._by_kind(gone))):
            for key in keys:
                self.batch.record(self.rows[kind, key], before=self.befores[kind, key], after=None)
        for at, entity in self.afters.items():
            self.batch.record(entity, before=self.befores.get(at), after=entity.to_values())

    def _by_kind(self, keys: Iterable[Key]) -> Iterator[tuple[str, list[str]]]:
        """What is pointed at comes before what points."""
        found: dict[str, list[str]] = defaultdict(list)
        for kind, key in keys:
            found[kind].append(key)
        return ((kind, found[kind]) for kind in IN_ORDER if kind in found)


def _twins(kind: str, names: tuple[str, ...], comes: dict[str, dict]) -> Iterator[tuple[str, Problem]]:
    """Two edits that claim the same."""
    seen: dict[tuple, str] = {}
    for key, values in comes.items():
        claim = claim_of(names, values)
        if claim is not None and seen.setdefault(claim, key) != key:
            yield key, taken_problem(kind, names, claim)


def _chunks(keys: list[str]) -> Iterator[list[str]]:
    return (keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK))
