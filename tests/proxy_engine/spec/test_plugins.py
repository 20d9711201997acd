"""Plugins: where they may be bound, their deprecated names, and patches. Their settings have a file of their own."""

from __future__ import annotations

import pytest

from proxy_engine import spec
from proxy_engine.spec.plugins import FIELDS_OF, protocol_problems
from tests.proxy_engine.builders import SMALLEST_CONFIG, an_id


def check(name, config=None, **given):
    return spec.check("plugins", {"name": name, "config": SMALLEST_CONFIG.get(name, {}) | (config or {})} | given)


def complaints(name, config=None, **given):
    return [f"{problem.field}: {problem.message}" for problem in check(name, config, **given).problems]


# -- what all plugins have in common --------------------------------------------------------------


@pytest.mark.parametrize("name", spec.PLUGINS)
def test_the_least_settings_are_valid_and_complete(name):
    checked = check(name)
    assert checked.problems == []
    assert list(checked.values) == list(spec.KINDS["plugins"].fields)
    assert list(checked.values["config"]) == list(spec.PLUGINS[name].settings)


@pytest.mark.parametrize("name", spec.PLUGINS)
def test_a_config_may_be_absent_where_nothing_is_needed(name):
    problems = spec.check("plugins", {"name": name}).problems
    assert bool(problems) is (name in SMALLEST_CONFIG)


@pytest.mark.parametrize("name", spec.PLUGINS)
@pytest.mark.parametrize(
    ("config", "message"),
    [([], "expected a record"), ("x", "expected a record"), (7, "expected a record")],
)
def test_a_config_is_a_record(name, config, message):
    assert spec.check("plugins", {"name": name, "config": config}).problems == [spec.Problem(("config",), message)]


@pytest.mark.parametrize("name", spec.PLUGINS)
def test_a_config_is_not_null(name):
    [problem] = spec.check("plugins", {"name": name, "config": None}).problems
    assert (problem.field, problem.message) == ("config", "required field missing")


@pytest.mark.parametrize("name", spec.PLUGINS)
def test_an_unknown_setting_is_named(name):
    assert complaints(name, {"colour": "red"}) == ["config.colour: unknown field"]


@pytest.mark.parametrize("name", ["nonsense", "key_auth", "KEY-AUTH", "../acl", "jwt"])
def test_a_plugin_that_does_not_exist_is_not_enabled(name):
    expected = f"name: plugin '{name}' not enabled; add it to the 'plugins' configuration property"
    assert [f"{p.field}: {p.message}" for p in spec.check("plugins", {"name": name, "config": {"a": 1}}).problems] == [
        expected
    ]


@pytest.mark.parametrize("given", [{}, {"name": None}, {"config": {"minute": 5}}])
def test_a_plugin_has_a_name(given):
    [problem] = spec.check("plugins", given).problems
    assert (problem.field, problem.message) == ("name", "required field missing")


@pytest.mark.parametrize("name", [["key-auth"], {"name": "key-auth"}, 7, True])
def test_a_name_that_is_no_text_is_no_crash(name):
    [problem] = spec.check("plugins", {"name": name}).problems
    assert (problem.field, problem.message) == ("name", "expected a string")


@pytest.mark.parametrize("name", spec.PLUGINS)
@pytest.mark.parametrize("scope", ["route", "service", "consumer"])
def test_a_plugin_is_bound_where_it_makes_sense(name, scope):
    forbidden = scope == "consumer" and name in ("acl", "basic-auth", "cors", "key-auth")
    expected = [f"{scope}: value must be null"] if forbidden else []
    assert complaints(name, **{scope: {"id": an_id(1)}}) == expected
    assert complaints(name, **{scope: None}) == []


@pytest.mark.parametrize("name", spec.PLUGINS)
def test_protocols_are_those_that_a_plugin_knows(name):
    assert complaints(name, protocols=["https"]) == []
    assert complaints(name, protocols=[]) == ["protocols: length must be at least 1"]
    assert complaints(name, protocols=None) == ["protocols: required field missing"]
    [complaint] = complaints(name, protocols=["http", "ftp"])
    assert complaint.startswith("protocols.1: expected one of: ")
    knows_streams = name in ("ip-restriction", "prometheus", "proxy-cache")
    assert (complaints(name, protocols=["tcp"]) == []) is knows_streams


def test_protocols_by_default():
    for name in spec.PLUGINS:
        streams = ["http", "https", "tcp", "tls", "grpc", "grpcs"]
        expected = streams if name == "ip-restriction" else ["grpc", "grpcs", "http", "https"]
        assert check(name).values["protocols"] == expected


def test_every_setting_explains_itself():
    def walk(fields, path):
        for name, field in fields.items():
            yield f"{path}.{name}", field
            if isinstance(field, spec.Record):
                yield from walk(field.fields, f"{path}.{name}")

    places = [place for name, plugin in spec.PLUGINS.items() for place in walk(plugin.settings, name)]
    assert [path for path, field in places if not field.help] == []


def test_the_order_is_kongs():
    by_priority = sorted(spec.PLUGINS.values(), key=lambda plugin: -plugin.priority)
    assert [plugin.name for plugin in by_priority] == [
        "correlation-id",
        "cors",
        "key-auth",
        "basic-auth",
        "ip-restriction",
        "request-size-limiting",
        "acl",
        "rate-limiting",
        "request-transformer",
        "response-transformer",
        "proxy-cache",
        "prometheus",
        "request-termination",
    ]


def test_secret_settings_are_marked():
    redis = spec.PLUGINS["rate-limiting"].settings["redis"]
    assert [name for name, field in redis.fields.items() if field.secret] == ["password"]


# -- deprecated names -----------------------------------------------------------------------------


def redis_of(config):
    checked = check("rate-limiting", config)
    assert checked.problems == []
    assert not any(name.startswith("redis_") for name in checked.values["config"])
    return checked.values["config"]["redis"]


def test_deprecated_names_are_read_and_not_stored():
    redis = redis_of({"redis_host": "r.test", "redis_port": 7, "redis_password": "p", "redis_ssl": None})
    assert (redis["host"], redis["port"], redis["password"], redis["ssl"]) == ("r.test", 7, "p", False)
    assert redis_of({"redis_host": "r.test", "redis": {"host": "r.test", "port": 7}})["port"] == 7
    assert redis_of({"redis_host": "r.test", "redis": {"host": None}})["host"] == "r.test"


def test_a_deprecated_name_is_checked_under_its_own_name():
    assert complaints("rate-limiting", {"redis_port": "7"}) == ["config.redis_port: expected an integer"]
    assert complaints("rate-limiting", {"redis_host": "r.test", "redis": 7}) == ["config.redis: expected a record"]


def test_two_names_must_not_say_two_things_and_the_values_are_not_repeated():
    [complaint] = complaints("rate-limiting", {"redis_password": "one", "redis": {"password": "two"}})
    assert complaint == (
        "config.redis_password: both deprecated and new field are used but their values mismatch: "
        "'redis_password', 'redis.password'"
    )


def test_deprecated_names_can_be_told_again():
    config = check("rate-limiting", {"redis_host": "r.test"}).values["config"]
    told = FIELDS_OF["rate-limiting"]["config"].with_shorthands(config)
    assert (told["redis_host"], told["redis_port"], told["redis"]["host"]) == ("r.test", 6379, "r.test")
    assert spec.check("plugins", {"name": "rate-limiting", "config": told}).values["config"] == config


# -- patches --------------------------------------------------------------------------------------


def test_a_patch_reaches_into_the_settings():
    current = check("rate-limiting", {"redis": {"host": "r.test"}}).values
    patched = spec.merge("plugins", current, {"config": {"hour": 9, "redis": {"port": 7}}})
    assert patched["config"]["minute"] == 5
    assert patched["config"]["redis"] == current["config"]["redis"] | {"port": 7}
    assert spec.merge("plugins", current, {"config": {"redis_port": 8}})["config"]["redis"]["port"] == 8
    wrong = spec.merge("plugins", current, {"config": {"redis_port": "8"}})
    assert [problem.field for problem in spec.check("plugins", wrong).problems] == ["config.redis_port"]


def test_another_name_does_not_fit_the_old_settings():
    patched = spec.merge("plugins", check("rate-limiting").values, {"name": "key-auth"})
    fields = {problem.field for problem in spec.check("plugins", patched).problems}
    assert "config.minute" in fields


# -- protocols of what it is bound to ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("route", "of_service", "messages"),
    [
        (None, [], []),
        (["http"], [], []),
        (["tcp"], [], ["must match the associated route's protocols"]),
        (None, [["tcp"], ["https"]], []),
        (None, [["tcp"]], ["must match the protocols of at least one route pointing to this Plugin's service"]),
    ],
)
def test_a_plugin_must_be_able_to_act_on_what_it_is_bound_to(route, of_service, messages):
    problems = list(protocol_problems(["http", "https"], route, of_service))
    assert [problem.message for problem in problems] == messages
    assert {problem.field for problem in problems} <= {"protocols"}
