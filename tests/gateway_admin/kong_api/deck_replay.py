"""What deck sends, in its order, as far as the answers decide what comes next (deck 1.55).

It fills in what a file leaves out from *our* schemas and compares the result with *our* lists, field by field; so a
default that is told and another one that is stored shows here as a difference that never ends.
"""

from __future__ import annotations

import copy
import uuid
from typing import Any

LISTS = {
    "services": "/services",
    "routes": "/routes",
    "plugins": "/plugins",
    "certificates": "/certificates",
    "snis": "/snis",
    "upstreams": "/upstreams",
    "consumers": "/consumers",
    "ca_certificates": "/ca_certificates",
    "keyauth_credentials": "/key-auths",
    "basicauth_credentials": "/basic-auths",
    "acls": "/acls",
}
ALSO_ASKED = ["/consumer_groups", "/vaults", "/keys", "/key-sets", "/filter-chains", "/partials", "/hmac-auths"]
ALSO_ASKED += ["/jwts", "/oauth2", "/mtls-auths", "/degraphql_routes"]
NESTED = {"keyauth_credentials": "key-auth", "basicauth_credentials": "basic-auth", "acls": "acls"}
FILLED = ("services", "routes", "upstreams", "targets")
ORDER = ["certificates", "ca_certificates", "consumers", "snis", "services", "upstreams", *NESTED, "routes", "targets"]
ORDER += ["plugins"]
IGNORED = {"id", "created_at", "updated_at", "cert_digest", "password"}

State = dict[str, dict[str, dict]]
"""Kind → id → entity."""


class Deck:
    """``ask(method, path, body)`` returns status and JSON."""

    def __init__(self, ask):
        self.ask = ask
        self._schemas: dict[str, dict] = {}

    # --- Commands

    def dump(self) -> State:
        assert isinstance(self._get("/")["version"], str)
        for path in ALSO_ASKED:
            assert self.ask("GET", f"{path}?size=1000")[0] == 404
        state = {kind: self._all(path) for kind, path in LISTS.items()}
        targets = [self._all(f"/upstreams/{key}/targets") for key in state["upstreams"]]
        for certificate in state["certificates"].values():
            del certificate["snis"]  # it keeps them as entities of their own
        state["targets"] = {key: target for found in targets for key, target in found.items()}
        return state

    def diff(self, wanted: State) -> list[tuple[str, str, str]]:
        """(what to do, kind, id), creations and updates first."""
        current = self.dump()
        edits = []
        for kind in ORDER:
            for key, entity in wanted.get(kind, {}).items():
                if key not in current[kind]:
                    edits.append(("create", kind, key))
                elif self._differs(kind, entity, current[kind][key]):
                    edits.append(("update", kind, key))
        for kind in reversed(ORDER):
            edits += [("delete", kind, key) for key in current[kind] if key not in wanted.get(kind, {})]
        return edits

    def sync(self, wanted: State) -> list[tuple[str, str, str]]:
        current, edits = self.dump(), self.diff(wanted)
        for what, kind, key in edits:
            entity = wanted[kind][key] if what != "delete" else current[kind][key]
            self._delete(kind, entity) if what == "delete" else self._put(kind, entity)
        return edits

    def reset(self) -> None:
        self.sync({})

    def validate(self, wanted: State) -> None:
        for kind, entities in wanted.items():
            for entity in entities.values():
                status, told = self.ask("POST", f"/schemas/{kind}/validate", self.filled(kind, entity))
                assert status == 200, (kind, told)

    # --- Requests

    def _get(self, path: str) -> Any:
        status, found = self.ask("GET", path)
        assert status == 200, (path, found)
        return found

    def _all(self, path: str) -> dict[str, dict]:
        found: dict[str, dict] = {}
        offset = ""
        while offset is not None:
            page = self._get(f"{path}?size=1000{offset and f'&offset={offset}'}")
            found |= {entity["id"]: entity for entity in page["data"]}
            offset = page.get("offset")
        return found

    def _put(self, kind: str, entity: dict) -> None:
        body = _without_nulls(self.filled(kind, entity), keep="config")
        if kind == "certificates":
            self.ask("GET", f"/certificates/{entity['id']}")
        status, answer = self.ask("PUT", self._path(kind, entity), body)
        if kind == "targets" and status == 404:
            status, answer = self.ask("POST", f"/upstreams/{entity['upstream']['id']}/targets", body)
        assert status in (200, 201), (kind, answer)
        assert answer["id"] == entity["id"]

    def _delete(self, kind: str, entity: dict) -> None:
        status, answer = self.ask("DELETE", self._path(kind, entity))
        assert status == 204, (kind, answer)

    def _path(self, kind: str, entity: dict) -> str:
        if kind == "targets":
            return f"/upstreams/{entity['upstream']['id']}/targets/{entity['id']}"
        if kind in NESTED:
            return f"/consumers/{entity['consumer']['id']}/{NESTED[kind]}/{entity['id']}"
        return f"{LISTS[kind]}/{entity['id']}"

    # --- Defaults and differences

    def filled(self, kind: str, entity: dict) -> dict:
        if kind in FILLED:
            return _filled(self._schema(kind), entity, everything=True)
        if kind == "plugins":
            fields = _by_name(self._schema(f"plugins/{entity['name']}"))
            protocols = {"protocols": fields["protocols"]["default"], "enabled": True}
            return protocols | {"config": {}} | entity
        return entity

    def _schema(self, name: str) -> dict:
        if name not in self._schemas:
            self._schemas[name] = self._get(f"/schemas/{name}")
        return self._schemas[name]

    def _differs(self, kind: str, wanted: dict, current: dict) -> bool:
        wanted, current = copy.deepcopy(self.filled(kind, wanted)), copy.deepcopy(current)
        if kind in NESTED:
            wanted["consumer"] = {"id": wanted["consumer"]["id"]}
        if kind == "plugins":
            config = _by_name(self._schema(f"plugins/{wanted['name']}"))["config"]
            gone = _shorthands(config)
            for side in (wanted, current):
                side["config"] = {name: value for name, value in side["config"].items() if name not in gone}
            wanted["config"] = _sorted(config, _filled(config, wanted["config"], everything=False))
            current["config"] = _sorted(config, current["config"])
            for side in (wanted, current):
                side["protocols"] = sorted(side["protocols"])
        return _compared(wanted) != _compared(current)


def _by_name(record: dict) -> dict[str, dict]:
    return {name: field for one in record["fields"] for name, field in one.items()}


def _shorthands(record: dict) -> set[str]:
    return {name for one in record.get("shorthand_fields", ()) for name in one}


def _filled(record: dict, values: dict, *, everything: bool) -> dict:
    """``everything``: of an entity, where each nested leaf is filled; of settings only records that are given or
    required are, and what has no default becomes an explicit null."""
    filled = dict(values)
    for name, field in _by_name(record).items():
        given = filled.get(name)
        if (
            field["type"] == "record"
            and "fields" in field
            and (isinstance(given, dict) or _is_filled(field, everything))
        ):
            filled[name] = _filled(field, given or {}, everything=everything)
        elif name not in filled and (field.get("default") is not None or not everything):
            filled[name] = field.get("default")
    return filled


def _is_filled(field: dict, everything: bool) -> bool:
    return everything or bool(field.get("required"))


def _sorted(record: dict, values: dict) -> dict:
    """Sets have no order to deck."""
    ordered = dict(values)
    for name, field in _by_name(record).items():
        value = ordered.get(name)
        if field["type"] == "set" and isinstance(value, list):
            ordered[name] = sorted(value, key=str)
        elif field["type"] == "record" and isinstance(value, dict):
            ordered[name] = _sorted(field, value)
    return ordered


def _compared(entity: dict) -> dict:
    """Nulls and absent fields are the same outside of settings; tags have no order."""
    plain = {name: value for name, value in _without_nulls(entity, keep="config").items() if name not in IGNORED}
    if "tags" in plain:
        plain["tags"] = sorted(plain["tags"]) or None
    return {name: value for name, value in plain.items() if value is not None}


def _without_nulls(value: Any, *, keep: str = "") -> Any:
    if isinstance(value, dict):
        return {
            name: inner if name == keep else _without_nulls(inner, keep=keep)
            for name, inner in value.items()
            if inner is not None
        }
    return value


def a_state(**kinds: list[dict]) -> State:
    """Each entity with an id made up as deck makes one up, unless it has one."""
    return {
        kind: {entity["id"]: entity for entity in ({"id": str(uuid.uuid4())} | values for values in entities)}
        for kind, entities in kinds.items()
    }
