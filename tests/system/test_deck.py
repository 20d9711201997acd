"""deck itself, unmodified, against a running gateway. Skipped where no ``deck`` is on PATH; its requests are replayed
everywhere (``tests/gateway_admin/kong_api/test_deck_replay.py``)."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tests.proxy_engine.pems import a_pair
from tests.support.client import request
from tests.support.load import Load
from tests.support.scene import Scene

DECK = shutil.which("deck")
COMMAND_S = 170.0
CERTIFICATE = "11111111-2222-4333-8444-555555555555"
SYNC_S, DIFF_S = 120.0, 10.0  # twice what 5,000 entities may take: this is no benchmark, others may use the machine

pytestmark = pytest.mark.skipif(DECK is None, reason="no deck on PATH: Kong's client itself is not tried here")


class Deck:
    def __init__(self, stack, folder: Path):
        self.stack, self.folder = stack, folder

    def run(self, command: str, *arguments, check: bool = True, token: str = "") -> subprocess.CompletedProcess:
        address = ["--kong-addr", self.stack.admin, "--headers", f"Kong-Admin-Token:{token or self.stack.token}"]
        done = subprocess.run(
            [DECK, "gateway", command, *map(str, arguments), *address, "--analytics=false"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_S,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def file(self, name: str, **content) -> Path:
        path = self.folder / name
        path.write_text(yaml.safe_dump({"_format_version": "3.0"} | content, sort_keys=False))
        return path

    def dump(self, name: str, *options: str) -> Path:
        path = self.folder / name
        self.run("dump", "-o", path, "--yes", *options)
        return path

    def differs(self, path: Path, *options: str) -> bool:
        done = self.run("diff", path, "--non-zero-exit-code", *options, check=False)
        assert done.returncode in (0, 2), done.stdout + done.stderr
        return done.returncode == 2


@pytest.fixture
def deck(own_stack, tmp_path):
    own_stack.start()
    return Deck(own_stack, tmp_path)


def everything() -> dict:
    pair = a_pair("EC")
    return {
        "services": [
            {
                "name": "orders",
                "url": "http://orders.local:9000/api",
                "tags": ["prod"],
                "plugins": [{"name": "rate-limiting", "config": {"second": 5, "hour": 10000, "policy": "local"}}],
                "routes": [
                    {"name": "orders-v1", "paths": ["/orders", "~/orders/\\d+$"], "methods": ["GET"]},
                    {"name": "by-header", "headers": {"x-region": ["eu", "us"]}, "plugins": [{"name": "key-auth"}]},
                ],
            },
            {"name": "safe", "protocol": "https", "host": "safe.local", "port": 443, "tls_verify": True},
        ],
        "routes": [{"name": "grpc", "protocols": ["grpc", "grpcs"], "paths": ["/svc"], "strip_path": False}],
        "upstreams": [
            {
                "name": "orders.local",
                "healthchecks": {"active": {"unhealthy": {"http_failures": 2}}, "threshold": 12.5},
                "targets": [{"target": "10.0.0.1:9000", "weight": 7}, {"target": "[::1]:9000", "tags": ["x"]}],
            },
            {"name": "hashed", "algorithm": "consistent-hashing", "hash_on": "header", "hash_on_header": "X-User"},
        ],
        "consumers": [
            {
                "username": "alice",
                "custom_id": "a-1",
                "acls": [{"group": "gold"}],
                "keyauth_credentials": [{"key": "open-sesame"}],
            }
        ],
        "plugins": [{"name": "cors"}, {"name": "correlation-id"}, {"name": "acl", "config": {"allow": ["gold"]}}],
        "certificates": [{"id": CERTIFICATE, **pair._asdict(), "snis": [{"name": "a.test"}, {"name": "*.b.test"}]}],
        "ca_certificates": [{"cert": a_pair("EC", is_authority=True).cert}],
    }


def test_all_commands_round_trip(deck):
    assert "3.9" in deck.run("ping").stdout
    assert yaml.safe_load(deck.dump("empty.yaml").read_text()) == {"_format_version": "3.0"}

    path = deck.file("all.yaml", **everything())
    deck.run("validate", path)
    deck.run("sync", path)
    assert not deck.differs(path)

    for options in ((), ("--with-id",), ("--skip-defaults",)):
        assert not deck.differs(deck.dump(f"dump{''.join(options)}.yaml", *options)), options
    first = deck.dump("first.yaml")
    deck.run("reset", "-f")
    deck.run("reset", "-f")
    assert yaml.safe_load(deck.dump("none.yaml").read_text()) == {"_format_version": "3.0"}
    deck.run("sync", first)
    assert deck.dump("second.yaml").read_text() == first.read_text()

    content = everything()
    content["services"][0]["retries"] = 1
    del content["consumers"]
    changed = deck.file("changed.yaml", **content)
    assert "Deleted: 0" in deck.run("apply", changed).stdout
    done = deck.run("sync", changed).stdout
    assert "Created: 0" in done
    assert "Deleted: 3" in done  # Alice, her key and her group


def test_teams_with_tags_of_their_own_leave_each_other_alone(deck):
    for team in ("one", "two"):
        service = {"name": team, "host": f"{team}.local"}
        upstream = {"name": f"{team}.local", "targets": [{"target": "10.0.0.1:80"}]}
        path = deck.file(f"{team}.yaml", _info={"select_tags": [team]}, services=[service], upstreams=[upstream])
        assert "Deleted: 0" in deck.run("sync", path).stdout
    assert not deck.differs(deck.folder / "one.yaml")


def test_refusals_can_be_read(deck):
    refused = deck.run("ping", check=False, token="wrong")
    assert refused.returncode != 0
    assert "token" in refused.stderr
    assert "Traceback" not in refused.stderr
    bad = deck.file("bad.yaml", plugins=[{"name": "key-auth", "config": {"nonsense": 1}}])
    told = deck.run("validate", bad, check=False)
    assert "nonsense: unknown field" in told.stderr
    assert deck.run("sync", bad, check=False).returncode != 0
    assert yaml.safe_load(deck.dump("empty.yaml").read_text()) == {"_format_version": "3.0"}


@pytest.mark.timeout(300)
def test_five_thousand_entities_come_in_time_while_traffic_flows(deck, targets):
    scene = Scene(deck.stack, targets[:1])
    services = [
        {"name": f"s{n}", "host": f"u{n}.local", "routes": [{"name": f"r{n}", "paths": [f"/p{n}"]}]}
        for n in range(1000)
    ]
    upstreams = [
        {"name": f"u{n}.local", "targets": [{"target": f"10.{n // 250}.{n % 250}.{k}:80"} for k in (1, 2)]}
        for n in range(1000)
    ]
    path = deck.file("many.yaml", services=services, upstreams=upstreams)
    with Load(scene.url, connections=4, per_second=50) as load:
        began = time.monotonic()
        deck.run("apply", path)
        synced = time.monotonic()
        deck.run("diff", path)
        compared = time.monotonic()
    assert load.failures == []
    assert synced - began <= SYNC_S
    assert compared - synced <= DIFF_S
    assert request("GET", scene.url).status == 200
