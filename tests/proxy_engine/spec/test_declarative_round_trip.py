"""What is written reads back as it was: every kind, every field, every plugin, whatever stands in them."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy_engine import spec
from proxy_engine.spec.declarative import HIDDEN, Choice, natural_keys, parse, read, to_yaml, write
from proxy_engine.spec.plugins import PLUGINS
from tests.proxy_engine.builders import an_id

ODD = st.sampled_from(
    ["1e3", "y", "on", "3.0", "null", "~", "0x1f", "10:30", "<<", "=", "- a", "a: b", "#", "é", "日本", " x "]
)
NAMES = st.sampled_from(["a", "b-c", "1e3", "on", "null", "3.0", "é"])


def the_same(entities):
    """By kind and id; lists of one kind in no order."""
    return {(kind, values["id"]): values for kind, listed in entities.items() for values in listed}


def again(entities, **choice):
    text = to_yaml(write(entities, Choice(with_secrets=True, **choice)))
    found = read(parse(text))
    assert found.problems == [], text
    return found.entities


def entity(kind, number, **values):
    checked = spec.check(kind, {"id": an_id(number)} | values)
    assert checked.problems == [], checked.problems
    return checked.values


def services():
    return st.fixed_dictionaries(
        {"host": st.just("h")},
        optional={
            "port": st.integers(0, 65535),
            "retries": st.sampled_from([0, 5, 32767]),
            "protocol": st.sampled_from(["http", "https"]),
            "path": st.sampled_from(["/", "/a", "/1e3"]),
            "enabled": st.booleans(),
            "tags": st.lists(ODD.filter(str.strip), max_size=3),
            "name": NAMES,
        },
    )


def upstreams():
    return st.fixed_dictionaries(
        {"name": st.sampled_from(["a.b", "on", "1e3"])},
        optional={
            "algorithm": st.sampled_from(["round-robin", "random", "latency"]),
            "when_all_unhealthy": st.sampled_from(["refuse", "use_all"]),
            "healthchecks": st.fixed_dictionaries(
                {},
                optional={
                    "threshold": st.sampled_from([0, 12.5, 100]),
                    "active": st.fixed_dictionaries(
                        {},
                        optional={
                            "http_path": st.sampled_from(["/", "/health"]),
                            "timeout": st.sampled_from([1, 0.5]),
                            "headers": st.dictionaries(
                                st.sampled_from(["X-A", "on"]), st.lists(ODD, min_size=1, max_size=2), max_size=2
                            ),
                        },
                    ),
                },
            ),
            "retry": st.fixed_dictionaries({}, optional={"statuses": st.lists(st.integers(400, 599), max_size=3)}),
            "connections": st.fixed_dictionaries({}, optional={"read_timeout": st.integers(1, 10)}),
        },
    )


def targets():
    fields = {"weight": st.integers(0, 65535), "priority": st.integers(0, 9), "enabled": st.booleans()}
    return st.fixed_dictionaries({"target": st.sampled_from(["h:1", "10.0.0.1:80", "[::1]:80"])}, optional=fields)


def routes():
    fields = {
        "name": NAMES,
        "methods": st.lists(st.sampled_from(["GET", "POST"]), max_size=2),
        "headers": st.dictionaries(st.sampled_from(["X-A", "Y"]), st.lists(ODD, min_size=1, max_size=2), max_size=2),
        "strip_path": st.booleans(),
        "regex_priority": st.integers(-5, 5),
    }
    paths = st.lists(st.sampled_from(["/a", "~/a/\\d+$", "/1e3", "/é"]), min_size=1, max_size=3)
    return st.fixed_dictionaries({"paths": paths}, optional=fields)


@given(st.lists(services(), max_size=3), st.lists(st.tuples(routes(), st.integers(0, 3)), max_size=3),
       st.lists(upstreams(), max_size=2), st.lists(targets(), max_size=2), st.booleans())  # fmt: skip
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_configuration_reads_back_as_it_was(some_services, some_routes, some_upstreams, some_targets, with_ids):
    made = [entity("services", 10 + n, **one) for n, one in enumerate(some_services)]
    entities = {"services": without_twins("services", made)}
    owners = [{"id": one["id"]} for one in entities["services"]]
    entities["routes"] = [
        entity("routes", 20 + n, **one, service=owners[place] if place < len(owners) else None)
        for n, (one, place) in enumerate(some_routes)
    ]
    made = [entity("upstreams", 30 + n, **one) for n, one in enumerate(some_upstreams)]
    entities["upstreams"] = without_twins("upstreams", made)
    entities["targets"] = [
        entity("targets", 40 + n, **one, upstream={"id": entities["upstreams"][0]["id"]})
        for n, one in enumerate(some_targets)
        if entities["upstreams"]
    ]
    entities = {kind: without_twins(kind, listed) for kind, listed in entities.items()}

    again_once = again(entities, with_ids=True)
    assert the_same(again_once) == the_same(entities)
    if not with_ids:  # ids follow from names then: the second time around they stay
        named = again(entities)
        assert the_same(again(named)) == the_same(named)
        assert sorted(map(plain, named["services"])) == sorted(map(plain, entities["services"]))


def plain(values):
    return json.dumps({name: value for name, value in values.items() if name != "id"}, sort_keys=True)


def without_twins(kind, listed):
    seen, kept = set(), []
    for values in listed:
        if not seen & set(keys := natural_keys(kind, values)):
            kept.append(values)
            seen |= set(keys)
    return kept


SMALLEST_CONFIGS = {
    "acl": {"allow": ["a"]},
    "proxy-cache": {"strategy": "memory"},
    "ip-restriction": {"allow": ["10.0.0.0/8"]},
    "rate-limiting": {"minute": 5, "redis": {"password": "hidden-1"}},
}


@pytest.mark.parametrize("name", PLUGINS)
def test_every_plugin_reads_back_as_it_was(name):
    plugin = entity("plugins", 1, name=name, config=SMALLEST_CONFIGS.get(name, {}))
    assert the_same(again({"plugins": [plugin]}, with_ids=True)) == the_same({"plugins": [plugin]})


def test_people_and_what_is_scoped_to_them_read_back():
    alice = entity("consumers", 1, username="alice", custom_id="1e3")
    owner = {"consumer": {"id": alice["id"]}}
    service = entity("services", 2, name="orders", host="h")
    entities = {
        "consumers": [alice],
        "services": [service],
        "keyauth_credentials": [entity("keyauth_credentials", 3, key="on", **owner)],
        "basicauth_credentials": [entity("basicauth_credentials", 4, username="alice", password="a hash", **owner)],
        "acls": [entity("acls", 5, group="admins", **owner)],
        "plugins": [
            entity("plugins", 6, name="cors", service={"id": service["id"]}),
            entity("plugins", 7, name="rate-limiting", config={"hour": 1}, service={"id": service["id"]}, **owner),
            entity("plugins", 8, name="prometheus", instance_name="all"),
        ],
    }
    assert the_same(again(entities, with_ids=True)) == the_same(entities)

    document = write(entities, Choice(with_secrets=True))
    assert document["_transform"] is False
    assert [plugin["name"] for plugin in document["services"][0]["plugins"]] == ["cors"]
    assert [plugin["name"] for plugin in document["plugins"]] == ["prometheus", "rate-limiting"]
    assert document["plugins"][1]["consumer"] == "alice"
    assert document["consumers"][0]["acls"] == [{"group": "admins"}]


# --- What it looks like ------------------------------------------------------------------------------------


def test_it_is_written_as_deck_writes_it():
    service = entity("services", 1, name="orders", host="h", tags=["a", "x"])
    stray = entity("routes", 2, paths=["/stray"])
    nested = entity("routes", 3, name="r", paths=["/"], service={"id": service["id"]})
    assert to_yaml(write({"routes": [nested, stray], "services": [service]})) == (
        "_format_version: '3.0'\n"
        "services:\n- name: orders\n  host: h\n  tags:\n  - a\n  - x\n  routes:\n  - name: r\n    paths:\n    - /\n"
        f"routes:\n- id: {stray['id']}\n  paths:\n  - /stray\n"
    )


def test_with_tags_only_theirs_are_written_and_point_to_others_by_name():
    service = entity("services", 1, name="shared", host="h")
    route = entity("routes", 2, name="r", paths=["/"], service={"id": service["id"]}, tags=["a", "x"])
    document = write({"services": [service], "routes": [route]}, Choice(select_tags=("a",)))
    assert document == {
        "_format_version": "3.0",
        "_info": {"select_tags": ["a"]},
        "routes": [{"name": "r", "paths": ["/"], "service": {"name": "shared"}, "tags": ["x"]}],
    }


def test_for_kong_our_own_fields_are_left_out():
    upstream = entity("upstreams", 1, name="pool", when_all_unhealthy="use_all", retry={"backoff": 5})
    target = entity("targets", 2, target="h:1", upstream={"id": upstream["id"]}, priority=3)
    stored = {"upstreams": [upstream], "targets": [target]}
    ours = write(stored)["upstreams"][0]
    assert (ours["retry"], ours["targets"][0]["priority"]) == ({"backoff": 5}, 3)
    assert write(stored, Choice(for_kong=True))["upstreams"] == [{"name": "pool", "targets": [{"target": "h:1"}]}]


def test_secrets_are_hidden_unless_asked_for():
    alice = entity("consumers", 1, username="alice")
    key = entity("keyauth_credentials", 2, key="s3cret", consumer={"id": alice["id"]})
    limit = entity("plugins", 3, name="rate-limiting", config={"hour": 1, "redis": {"password": "pw"}})
    text = to_yaml(write({"consumers": [alice], "keyauth_credentials": [key], "plugins": [limit]}))
    assert ("s3cret" in text, "pw" in text, text.count(HIDDEN)) == (False, False, 2)
    assert key["id"] in text  # by which the hidden key is found again
