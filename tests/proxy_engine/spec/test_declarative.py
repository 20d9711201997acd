"""kong.yaml → entities: what both Kong and deck write, and what neither may."""

import json
import time

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy_engine import spec
from proxy_engine.spec.declarative import read, to_yaml, write

from .test_hostile_input import JSON

NESTED = """
_format_version: "3.0"
services:
- name: orders
  url: http://orders.local:9000/api
  routes:
  - {name: orders-v1, paths: [/orders, "~/orders/\\\\d+$"]}
upstreams:
- name: orders.local
  targets: [{target: "10.0.0.1:9000"}, {target: 10.0.0.2, weight: 3}]
routes:
- {name: other, service: orders, paths: [/other]}
- {name: third, service: {name: orders}, paths: [/third]}
"""


def declared(text):
    return read(yaml.safe_load(text))


def problems(text):
    return {problem.field: problem.message for problem in declared(text).problems}


def test_it_reads_nested_entities_and_references():
    entities, found, *_ = declared(NESTED)
    assert found == []
    service = entities["services"][0]
    assert (service["protocol"], service["host"], service["port"], service["path"]) == (
        "http",
        "orders.local",
        9000,
        "/api",
    )
    assert {route["name"]: route["service"]["id"] for route in entities["routes"]} == dict.fromkeys(
        ("orders-v1", "other", "third"), service["id"]
    )
    assert [(t["target"], t["weight"], t["upstream"]["id"]) for t in entities["targets"]] == [
        ("10.0.0.1:9000", 100, entities["upstreams"][0]["id"]),
        ("10.0.0.2:8000", 3, entities["upstreams"][0]["id"]),
    ]


def test_what_it_reads_can_be_compiled():
    entities = declared(NESTED).entities
    specs = [spec.to_spec(kind, values) for kind, listed in entities.items() for values in listed]
    assert len(specs) == 7


def test_the_same_file_gives_the_same_ids():
    assert declared(NESTED).entities == declared(NESTED).entities


def test_an_id_given_in_the_file_is_kept():
    text = NESTED.replace("- name: orders\n", "- name: orders\n  id: 11111111-2222-4333-8444-555555555555\n")
    assert declared(text).entities["services"][0]["id"] == "11111111-2222-4333-8444-555555555555"


def test_single_fields_win_over_the_url():
    text = '{_format_version: "3.0", services: [{name: a, url: "http://b:81/x", port: 82}]}'
    assert declared(text).entities["services"][0]["port"] == 82


@pytest.mark.parametrize(
    ("version", "path", "stored"),
    [
        ("1.1", "/a/[0-9]+", "~/a/[0-9]+"),
        ("2.1", "/a/[0-9]+", "~/a/[0-9]+"),
        ("1.1", "/plain-path_1.x~y", "/plain-path_1.x~y"),
        ("3.0", "~/a/[0-9]+", "~/a/[0-9]+"),
    ],
)
def test_old_formats_spell_regular_expressions_without_a_tilde(version, path, stored):
    document = {"_format_version": version, "routes": [{"paths": [path]}]}
    entities, found, *_ = read(document)
    assert (found, entities["routes"][0]["paths"]) == ([], [stored])


def test_defaults_and_tags_of_the_file_apply():
    text = """
    _format_version: "3.0"
    _info: {select_tags: [team-a], defaults: {service: {retries: 2}}}
    services: [{name: a, host: h}, {name: b, host: h, retries: 7, tags: [x]}]
    """
    services = declared(text).entities["services"]
    assert [(s["retries"], s["tags"]) for s in services] == [(2, ["team-a"]), (7, ["x", "team-a"])]


def test_what_stands_inside_belongs_to_it_at_any_depth():
    text = """
    _format_version: "3.0"
    _plugin_configs: {shared: {minute: 5, redis: {host: r, port: 1}}}
    services:
    - name: s
      host: h
      plugins: [{name: cors}]
      routes:
      - name: r
        paths: [/]
        plugins: [{name: rate-limiting, _config: shared, config: {redis: {port: 2}}}]
    consumers:
    - username: alice
      acls: [{group: admins}]
      keyauth_credentials: [{key: k}]
    - custom_id: b-1
      plugins: [{name: rate-limiting, config: {hour: 1}, service: s}]
    """
    entities, found, *_ = declared(text)
    assert found == []
    [service], [route] = entities["services"], entities["routes"]
    of_route, of_service, of_both = entities["plugins"]
    assert (of_route["route"], of_route["service"]) == ({"id": route["id"]}, None)
    assert (of_service["route"], of_service["service"]) == (None, {"id": service["id"]})
    limit = of_route["config"]
    assert (limit["minute"], limit["redis"]["host"], limit["redis"]["port"]) == (5, "r", 2)
    alice, bob = entities["consumers"]
    assert entities["acls"][0]["consumer"] == entities["keyauth_credentials"][0]["consumer"] == {"id": alice["id"]}
    assert (of_both["consumer"], of_both["service"]) == ({"id": bob["id"]}, {"id": service["id"]})


def test_server_names_may_be_words_or_records():
    text = '{_format_version: "3.0", certificates: [{cert: x, key: y, snis: [a.test, {name: b.test}]}]}'
    assert set(problems(text)) == {"certificates.0.cert", "certificates.0.key"}  # no more than that is wrong


def test_references_are_words_or_records_by_name_or_id():
    key = "11111111-2222-4333-8444-5555555555aa"
    for written in ("s", key, key.upper(), {"name": "s"}, {"id": key}, {"id": key, "name": "x"}):
        document = {
            "_format_version": "3.0",
            "services": [{"id": key, "name": "s", "host": "h"}],
            "routes": [{"paths": ["/"], "service": written}],
        }
        entities, found, *_ = read(document)
        assert (found, entities["routes"][0]["service"]) == ([], {"id": key})


def test_what_is_stored_is_known_by_its_name_and_can_be_referred_to():
    class Known:
        def id_of(self, kind, key):
            return "11111111-2222-4333-8444-555555555555" if key == (("name", "s"),) else None

        def values_of(self, kind, entity_id):
            return None

        def referred(self, kind, name):
            return "22222222-2222-4333-8444-555555555555" if name == "outside" else None

    text = """
    _format_version: "3.0"
    services: [{name: s, host: h}]
    routes: [{name: r, paths: [/], service: outside}]
    """
    entities, found, *_ = read(yaml.safe_load(text), Known())
    assert found == []
    assert entities["services"][0]["id"].startswith("1111")
    assert entities["routes"][0]["service"]["id"].startswith("2222")


def test_ids_do_not_depend_on_the_order_of_the_file():
    routes = [{"paths": ["/a"]}, {"paths": ["/b"]}, {"paths": ["/b"]}]
    ids = [
        {one["id"] for one in read({"_format_version": "3.0", "routes": listed}).entities["routes"]}
        for listed in (routes, routes[::-1])
    ]
    assert ids[0] == ids[1]
    assert len(ids[0]) == 3


def test_an_id_given_to_one_is_not_derived_for_another():
    taken = read({"_format_version": "3.0", "services": [{"name": "a", "host": "h"}]}).entities["services"][0]["id"]
    listed = [{"id": taken, "name": "other", "host": "h"}, {"name": "a", "host": "h"}]

    entities, found, *_ = read({"_format_version": "3.0", "services": listed})

    assert found == []
    assert len({one["id"] for one in entities["services"]}) == 2


def test_a_tag_may_say_hidden():
    assert problems('{_format_version: "3.0", services: [{name: a, host: h, tags: [(hidden)]}]}') == {}


@pytest.mark.parametrize("odd", [[1], {"id": [1]}, {"id": {"a": []}}, [[]], {"name": [1]}, 1e300, True, "(hidden)"])
def test_odd_values_in_names_and_references_are_problems_and_nothing_worse(odd):
    for kind, field in (("consumers", "username"), ("plugins", "name"), ("plugins", "service"), ("routes", "service")):
        document = {"_format_version": "3.0", kind: [{field: odd, "tags": ["(hidden)"], "config": odd}]}
        assert read(document).problems


def test_twins_without_names_take_no_longer_than_others():
    started = time.process_time()
    entities = read({"_format_version": "3.0", "routes": [{"paths": ["/"]}] * 3000}).entities
    assert len({one["id"] for one in entities["routes"]}) == 3000
    assert time.process_time() - started < 5


def test_what_is_shared_cannot_make_a_small_file_large():
    config = {"allow": [f"group-{n}" for n in range(1000)]}
    routes = [{"paths": ["/"], "plugins": [{"name": "acl", "_config": "big"}]} for _ in range(600)]
    document = {"_format_version": "3.0", "_plugin_configs": {"big": config}, "routes": routes}
    assert "grow too large" in read(document).problems[0].message


def test_remarks_are_passed_over():
    assert problems('{_format_version: "3.0", _comment: hi, services: [{name: a, host: h, _comment: x}]}') == {}


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("{}", "_format_version"),
        ("[]", "_format_version"),
        ("{_format_version: 3.0}", "_format_version"),
        ('{_format_version: "4.0"}', "_format_version"),
        ('{_format_version: "3.0", vaults: [{name: env}]}', "vaults"),
        ('{_format_version: "3.0", services: {}}', "services"),
        ('{_format_version: "3.0", _workspace: other}', "_workspace"),
        ('{_format_version: "3.0", _transform: "no"}', "_transform"),
        ('{_format_version: "3.0", _konnect: {}}', "_konnect"),
        ('{_format_version: "3.0", _info: []}', "_info"),
        ('{_format_version: "3.0", _info: {colour: red}}', "_info.colour"),
        ('{_format_version: "3.0", _info: {select_tags: a}}', "_info.select_tags"),
        ('{_format_version: "3.0", _info: {select_tags: [a, 1]}}', "_info.select_tags.1"),
        ('{_format_version: "3.0", _info: {defaults: {car: {}}}}', "_info.defaults.car"),
        ('{_format_version: "3.0", _info: {defaults: {service: {name: a}}}}', "_info.defaults.service.name"),
        ('{_format_version: "3.0", _plugin_configs: {a: 1}}', "_plugin_configs.a"),
        ('{_format_version: "3.0", plugins: [{name: cors, _config: a}]}', "plugins.0._config"),
        ('{_format_version: "3.0", plugins: [{name: cors}, {name: cors}]}', "plugins.1.name"),
        (
            '{_format_version: "3.0", consumers: [{username: a, acls: [{group: g, consumer: a}]}]}',
            "consumers.0.acls.0.consumer",
        ),
        (
            '{_format_version: "3.0", consumers: [{username: a, keyauth_credentials: [{key: (hidden)}]}]}',
            "consumers.0.keyauth_credentials.0.key",
        ),
        ('{_format_version: "3.0", services: [1]}', "services.0"),
        ('{_format_version: "3.0", services: [{name: a, host: h, colour: red}]}', "services.0.colour"),
        ('{_format_version: "3.0", services: [{name: a}]}', "services.0.host"),
        ('{_format_version: "3.0", services: [{name: a, host: h}, {name: a, host: i}]}', "services.1.name"),
        ('{_format_version: "3.0", services: [{name: a, host: h, id: x}]}', "services.0.id"),
        ('{_format_version: "3.0", routes: [{paths: [/a], service: nobody}]}', "routes.0.service"),
        ('{_format_version: "3.0", routes: [{paths: [/a], service: {name: nobody}}]}', "routes.0.service"),
        ('{_format_version: "3.0", routes: [{paths: ["~("]}]}', "routes.0.paths.0"),
        ('{_format_version: "3.0", targets: [{target: "a:1"}]}', "targets.0.upstream"),
        (
            '{_format_version: "3.0", upstreams: [{name: u, targets: [{target: "a:b"}]}]}',
            "upstreams.0.targets.0.target",
        ),
        (
            '{_format_version: "3.0", upstreams: [{name: u, targets: [{target: a}, {target: "a:8000"}]}]}',
            "upstreams.0.targets.1.target",
        ),
        (
            '{_format_version: "3.0", services: [{name: a, host: h, routes: [{paths: [/a], service: b}]}]}',
            "services.0.routes.0.service",
        ),
    ],
)
def test_it_refuses_and_names_the_place(text, field):
    assert field in problems(text)


KEYS = st.sampled_from([*spec.KINDS, "_info", "_plugin_configs", "_transform", "_workspace", "x"])
INNER = st.sampled_from(
    [*spec.KINDS, *{name for kind in spec.KINDS.values() for name in kind.fields}, "id", "url", "_config", "ttl"]
)


LEAF = st.lists(st.dictionaries(INNER, JSON, max_size=4), max_size=2)
LISTS = st.lists(st.dictionaries(INNER, JSON | LEAF, max_size=5), max_size=3)


@given(st.dictionaries(KEYS, JSON | LISTS, max_size=4))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_stands_in_the_file_it_is_entities_or_problems(document):
    entities, found, *_ = read({"_format_version": "3.0", **document})
    for problem in found:
        (problem.field + problem.message).encode()
    if not found:
        json.dumps(entities)
        to_yaml(write(entities))
