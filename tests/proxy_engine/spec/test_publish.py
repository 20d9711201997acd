"""The published schemas: deck's filling of defaults, applied to the least one can write, gives what is stored."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from proxy_engine import spec
from proxy_engine.spec.entity import CONTROL_FIELDS
from tests.proxy_engine.builders import SMALLEST, SMALLEST_CONFIG


def fields_of(schema):
    return [pair for field in schema["fields"] for pair in field.items()]


def field_named(schema, name):
    return dict(fields_of(schema))[name]


# -- what deck does -------------------------------------------------------------------------------


def deck_fills_settings(record, given):
    """A plugin's ``config``: each field that is absent becomes its default, else null. A record is entered only where
    the user gave it or it is required, and lists of records are filled item by item."""
    filled = dict(given)
    for name, field in fields_of(record):
        if field["type"] == "record" and "default" not in field:
            if isinstance(filled.get(name), dict) or (name not in filled and field.get("required")):
                filled[name] = deck_fills_settings(field, filled.get(name) or {})
            else:
                filled.setdefault(name)
        elif name not in filled:
            filled[name] = copy.deepcopy(field.get("default"))
        elif field["type"] in ("array", "set") and field["elements"]["type"] == "record" and filled[name]:
            filled[name] = [deck_fills_settings(field["elements"], item) for item in filled[name]]
    return filled


def deck_fills_an_entity(schema, given):
    """Services, routes, upstreams, targets: the default of every leaf, however deep."""
    filled = dict(given)
    for name, field in fields_of(schema):
        if name in CONTROL_FIELDS:
            continue
        if field["type"] == "record":
            filled[name] = deck_fills_an_entity(field, filled.get(name) or {})
        elif name not in filled:
            filled[name] = copy.deepcopy(field.get("default"))
    return filled


def stored(kind, values):
    checked = spec.check(kind, values)
    assert checked.problems == []
    ours = [name for name, field in spec.KINDS[kind].fields.items() if field.ours]
    return {name: value for name, value in checked.values.items() if name not in ours}


MORE_SETTINGS = [
    *((name, SMALLEST_CONFIG.get(name, {})) for name in spec.PLUGINS),
    ("rate-limiting", {"hour": 3, "policy": "redis", "redis": {"host": "redis.test"}, "limit_by": None}),
    ("cors", {"methods": None, "origins": ["*"]}),
    ("request-transformer", {"add": {"headers": ["a:b"]}, "replace": {"uri": "/x"}, "append": {"body": None}}),
    ("response-transformer", {"rename": {}, "add": {"json": ["a:1"], "json_types": ["number"]}}),
    ("proxy-cache", {"strategy": "memory", "memory": {}, "response_headers": {"age": False}, "cache_ttl": None}),
]


@pytest.mark.parametrize(("name", "config"), MORE_SETTINGS)
def test_deck_fills_settings_to_what_is_stored(name, config):
    schema = spec.kong_plugin_schema(name)
    by_us = stored("plugins", {"name": name, "config": config})
    assert deck_fills_settings(field_named(schema, "config"), config) == by_us["config"]
    assert field_named(schema, "protocols")["default"] == by_us["protocols"]


@pytest.mark.parametrize("kind", [kind for kind in spec.KINDS if kind != "plugins"])
def test_deck_fills_an_entity_to_what_is_stored(kind):
    by_us = stored(kind, SMALLEST[kind])
    by_deck = deck_fills_an_entity(spec.kong_schema(kind), SMALLEST[kind])
    if kind == "ca_certificates":
        del by_us["cert_digest"], by_deck["cert_digest"]  # which deck does not compare
    assert by_deck == by_us


def test_a_file_with_part_of_the_health_checks_is_filled_too():
    given = SMALLEST["upstreams"] | {"healthchecks": {"active": {"healthy": {"interval": 5}}}}
    assert deck_fills_an_entity(spec.kong_schema("upstreams"), given) == stored("upstreams", given)


@pytest.mark.parametrize("name", spec.PLUGINS)
def test_our_answer_without_deprecated_names_is_the_stored_one(name):
    config = stored("plugins", {"name": name, "config": SMALLEST_CONFIG.get(name, {})})["config"]
    record = spec.PLUGINS[name].config_field()
    told = field_named(spec.kong_plugin_schema(name), "config").get("shorthand_fields", [])
    answer = record.with_shorthands(config)
    assert {name: value for name, value in answer.items() if not any(name in old for old in told)} == config


# -- the shape ------------------------------------------------------------------------------------


def every_field(schema):
    for name, field in fields_of(schema):
        yield name, field
        for inner in (field, field.get("elements", {}), field.get("values", {})):
            if "fields" in inner:
                yield from every_field(inner)


SCHEMAS: list[tuple[str, dict[str, Any]]] = [
    *((kind, spec.kong_schema(kind)) for kind in spec.KINDS),
    *((name, spec.kong_plugin_schema(name)) for name in spec.PLUGINS),
]


@pytest.mark.parametrize(("name", "schema"), SCHEMAS, ids=[name for name, _ in SCHEMAS])
def test_every_schema_is_what_deck_can_read(name, schema):
    assert json.loads(json.dumps(schema, allow_nan=False)) == schema
    for field_name, field in every_field(schema):
        assert isinstance(field["type"], str), field_name
        if field["type"] == "record":
            assert field.get("required"), "what is stored of itself must be required"
            assert "default" not in field or field.get("abstract"), "deck would not look at the leaves"
        if field["type"] == "set":
            assert field["elements"]["type"] in ("string", "number", "integer", "record"), "deck panics at others"
        if field["type"] in ("set", "array"):
            assert "elements" in field
        if field["type"] == "integer" and "default" in field:
            assert type(field["default"]) is int, "a float ends deck"


@pytest.mark.parametrize("kind", spec.KINDS)
def test_fields_that_kong_does_not_know_are_not_told(kind):
    told = dict(fields_of(spec.kong_schema(kind)))
    for name, field in spec.KINDS[kind].fields.items():
        assert (name in told) is not field.ours


def test_a_schema_is_a_copy_of_its_own():
    for made in (lambda: spec.kong_schema("routes"), lambda: spec.kong_plugin_schema("cors")):
        first = made()
        for _, field in every_field(first):
            if isinstance(field.get("default"), list):
                field["default"].append("spoiled")
        assert made() != first


def test_a_schema_tells_the_rules():
    limits = spec.kong_plugin_schema("rate-limiting")
    assert limits["entity_checks"] == [
        {"at_least_one_of": [f"config.{period}" for period in ("second", "minute", "hour", "day", "month", "year")]}
    ]
    config = field_named(limits, "config")
    assert field_named(config, "second")["gt"] == 0
    assert field_named(field_named(config, "redis"), "password")["encrypted"]
    [port] = [old["redis_port"] for old in config["shorthand_fields"] if "redis_port" in old]
    assert port["deprecation"]["replaced_with"] == [{"path": ["redis", "port"]}]
    assert field_named(spec.kong_plugin_schema("cors"), "consumer") == {
        "type": "foreign",
        "reference": "consumers",
        "eq": None,
        "description": "Acts on requests of this consumer only. Empty: of any.",
    }
    assert field_named(spec.kong_schema("services"), "name")["unique"]
    assert field_named(spec.kong_schema("services"), "port")["between"] == [0, 65535]
    assert spec.kong_schema("services")["shorthand_fields"]
    assert field_named(spec.kong_schema("targets"), "created_at")["type"] == "number"


@pytest.mark.parametrize("kind", ["keyauth_credentials", "basicauth_credentials", "acls"])
def test_credentials_have_no_time_of_update(kind):
    assert "updated_at" not in dict(fields_of(spec.kong_schema(kind)))
    assert not spec.KINDS[kind].has_updated_at


@pytest.mark.parametrize("made", [spec.kong_schema, spec.kong_plugin_schema])
def test_what_does_not_exist_has_no_schema(made):
    with pytest.raises(KeyError):
        made("nonsense")
