"""deck's requests replayed. Where the program itself is found, ``tests/system/test_deck.py`` runs it for real."""

import uuid

import pytest

from proxy_engine.spec import PLUGINS
from tests.gateway_admin.builders import a_target, an_upstream
from tests.proxy_engine.pems import a_pair

from .deck_replay import Deck, a_state

pytestmark = pytest.mark.django_db

NEEDED = {  # settings without which a plugin makes no sense
    "acl": {"allow": ["gold"]},
    "rate-limiting": {"minute": 5},
    "ip-restriction": {"allow": ["10.0.0.0/8"]},
    "proxy-cache": {"strategy": "memory"},
}


def key(number):
    return str(uuid.UUID(int=number, version=4))


def refers(number):
    return {"id": key(number)}


@pytest.fixture
def deck(kong):
    def ask(method, path, body=None):
        answer = kong.send(method, path, body)
        return answer.status_code, answer.json() if answer.content else None

    return Deck(ask)


@pytest.fixture
def wanted():
    """One of everything, with as little said as possible."""
    consumer = {"id": key(30), "username": "alice"}
    return a_state(
        services=[
            {"id": key(1), "name": "orders", "host": "orders.local", "tags": ["b", "a"]},
            {"id": key(2), "name": "safe", "protocol": "https", "host": "s", "client_certificate": refers(40)},
        ],
        routes=[
            {"id": key(10), "name": "r", "paths": ["/b", "/a"], "service": refers(1), "methods": ["PUT", "GET"]},
            {"id": key(11), "name": "grpc", "protocols": ["grpc"], "paths": ["/svc"], "strip_path": False},
        ],
        upstreams=[
            {"id": key(20), "name": "orders.local", "healthchecks": {"active": {"unhealthy": {"http_failures": 2}}}},
            {"id": key(21), "name": "u", "algorithm": "consistent-hashing", "hash_on": "ip", "slots": 100},
        ],
        targets=[
            {"id": key(25), "target": "10.0.0.1:80", "upstream": refers(20)},
            {"id": key(26), "target": "10.0.0.2:80", "upstream": refers(20), "weight": 0},
        ],
        consumers=[consumer, {"id": key(31), "custom_id": "c"}],
        keyauth_credentials=[{"id": key(32), "key": "open-sesame", "consumer": consumer}],
        basicauth_credentials=[{"id": key(33), "username": "a", "password": "pw", "consumer": consumer}],
        acls=[{"id": key(34), "group": "gold", "consumer": consumer}],
        certificates=[{"id": key(40), **a_pair("EC")._asdict()}],
        snis=[{"id": key(41), "name": "a.test", "certificate": refers(40)}],
        ca_certificates=[{"id": key(42), "cert": a_pair("EC", is_authority=True).cert}],
        plugins=[
            {"id": key(50), "name": "key-auth", "route": refers(10)},
            {
                "id": key(51),
                "name": "rate-limiting",
                "consumer": refers(30),
                "config": {"hour": 9, "redis": {"port": 1}},
            },
            {"id": key(52), "name": "cors", "service": refers(1), "enabled": False, "config": {"max_age": None}},
        ],
    )


def plain(state):
    """As a dump shows it: without ids' order and the moments."""
    moments = ("created_at", "updated_at")
    return {
        kind: {key: {n: v for n, v in entity.items() if n not in moments} for key, entity in found.items()}
        for kind, found in state.items()
    }


def test_after_a_sync_there_is_no_difference(deck, wanted):
    edits = deck.sync(wanted)
    assert {what for what, _, _ in edits} == {"create"}
    assert len(edits) == sum(map(len, wanted.values()))
    assert deck.diff(wanted) == []


def test_dump_reset_sync_dump_is_the_same(deck, wanted):
    deck.sync(wanted)
    first = deck.dump()
    deck.reset()
    assert not any(deck.dump().values())
    deck.reset()
    deck.sync(first)
    second = deck.dump()
    for state in (first, second):  # a hash of a password is hashed as a password: so does Kong, and deck says so
        for login in state["basicauth_credentials"].values():
            login["password"] = ""
    assert plain(first) == plain(second)
    assert deck.diff(first) == []


def test_each_changed_field_is_one_update_and_each_removal_one_deletion(deck, wanted):
    deck.sync(wanted)
    wanted["services"][key(1)]["retries"] = 1
    wanted["upstreams"][key(20)]["healthchecks"]["active"]["unhealthy"]["http_failures"] = 3
    wanted["targets"][key(25)]["weight"] = 5
    wanted["plugins"][key(50)]["config"] = {"key_names": ["x-key"]}
    del wanted["acls"][key(34)]
    edits = deck.sync(wanted)
    assert sorted(edits) == [
        ("delete", "acls", key(34)),
        ("update", "plugins", key(50)),
        ("update", "services", key(1)),
        ("update", "targets", key(25)),
        ("update", "upstreams", key(20)),
    ]
    assert deck.diff(wanted) == []


def test_everything_is_valid_before_anything_of_it_exists(deck, wanted):
    deck.validate(wanted)
    assert not any(deck.dump().values())


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_with_only_what_it_needs_is_no_endless_difference(deck, name):
    wanted = a_state(plugins=[{"name": name, "config": NEEDED.get(name, {})}])
    deck.sync(wanted)
    assert deck.diff(wanted) == []


def test_more_entities_than_a_page_holds(deck):
    """Beside a second upstream: deck carries an offset over from the first."""
    many, few = an_upstream(name="many"), an_upstream(name="few")
    for number in range(1001):
        a_target(many, target=f"many:{number + 1}")
    a_target(few, target="few:1")
    assert len(deck.dump()["targets"]) == 1002


def test_numbers_are_whole_where_deck_reads_whole_ones(deck, wanted):
    deck.sync(wanted)
    for kind, entities in deck.dump().items():
        for entity in entities.values():
            moments = [entity.get("created_at"), entity.get("updated_at")]
            assert all(type(moment) is int for moment in moments if moment is not None) or kind == "targets"
            assert list(floats(entity)) == [] or kind == "targets"


def floats(value):
    if isinstance(value, float):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from floats(inner)
