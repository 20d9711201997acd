"""kong.yaml → entities: what both Kong and deck write, and what neither may."""

import pytest
import yaml

from proxy_engine import spec
from proxy_engine.spec.declarative import read

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
    entities, found = declared(NESTED)
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
    entities, found = read(document)
    assert (found, entities["routes"][0]["paths"]) == ([], [stored])


def test_defaults_and_tags_of_the_file_apply():
    text = """
    _format_version: "3.0"
    _info: {select_tags: [team-a], defaults: {service: {retries: 2}}}
    services: [{name: a, host: h}, {name: b, host: h, retries: 7, tags: [x]}]
    """
    services = declared(text).entities["services"]
    assert [(s["retries"], s["tags"]) for s in services] == [(2, ["team-a"]), (7, ["x", "team-a"])]


def test_remarks_are_passed_over():
    assert problems('{_format_version: "3.0", _comment: hi, services: [{name: a, host: h, _comment: x}]}') == {}


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("{}", "_format_version"),
        ("[]", "_format_version"),
        ("{_format_version: 3.0}", "_format_version"),
        ('{_format_version: "4.0"}', "_format_version"),
        ('{_format_version: "3.0", plugins: [{name: key-auth}]}', "plugins"),
        ('{_format_version: "3.0", services: {}}', "services"),
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
