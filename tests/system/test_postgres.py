"""The same on PostgreSQL, with two engines on one configuration."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.support.client import Refused, request
from tests.support.eventually import eventually
from tests.support.load import Load
from tests.support.ports import free_ports
from tests.support.postgres import Postgres, find_programs
from tests.support.scene import QUICK_CHECKS, Scene
from tests.support.stack import FOLDER, Stack

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def database():
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs (initdb, postgres) are not installed")
    with Postgres(programs) as database:
        yield database


@pytest.fixture(scope="module")
def cluster(database, tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("cluster") / "var", DATABASE_URL=database.url)
    stack.start()
    yield stack
    stack.destroy()


@contextmanager
def second_engine(cluster, folder):
    """On the first one's database and Redis; yields the address of its clients."""
    proxy, status = free_ports(2)
    environment = cluster.environment | {
        "REDIS_URL": f"unix://{cluster.data_dir}/redis.sock",
        "GATEWAY_DATA_DIR": str(folder),
        "GATEWAY_PROXY_LISTEN": f"127.0.0.1:{proxy}",
        "GATEWAY_STATUS_LISTEN": f"127.0.0.1:{status}",
        "GATEWAY_NODE_NAME": "second",
    }
    engine = subprocess.Popen([sys.executable, "manage.py", "run_engine"], cwd=FOLDER, env=environment)
    try:
        eventually(lambda: request("GET", f"http://127.0.0.1:{status}/status/ready").status == 200, within=30)
        yield engine, f"http://127.0.0.1:{proxy}"
    finally:
        engine.send_signal(signal.SIGTERM)
        engine.wait(20)


def engines(cluster):
    head = cluster.api.call("GET", "config/versions/0").json["data"]
    return {engine["name"] for engine in head["engines"]}


def test_a_live_version_is_live_on_both_engines(cluster, targets, tmp_path):
    with second_engine(cluster, tmp_path / "var") as (_, second):
        eventually(lambda: len(engines(cluster)) == 2, what="both engines report")
        scene = Scene(cluster, targets)
        assert request("GET", cluster.proxy + scene.path).status == 200
        assert request("GET", second + scene.path).status == 200
        scene.patch_target("a", weight=0)
        for base in (cluster.proxy, second):
            assert {request("GET", base + scene.path).json["name"] for _ in range(10)} == {"b"}
    eventually(lambda: len(engines(cluster)) == 1, what="the stopped engine is not waited for")


def test_a_frozen_engine_is_told_apart_from_a_live_version(cluster, targets, tmp_path):
    with second_engine(cluster, tmp_path / "var") as (engine, _):
        scene = Scene(cluster, targets)
        eventually(lambda: len(engines(cluster)) == 2, what="both engines report")
        os.kill(engine.pid, signal.SIGSTOP)
        try:
            version = cluster.api.write("PATCH", f"targets/{scene.targets['a']['id']}", {"weight": 1}).version
            state = cluster.api.call("GET", f"config/versions/{version}?wait=1").json["data"]
            assert state["live"] is False
        finally:
            os.kill(engine.pid, signal.SIGCONT)
        cluster.api.live(version)


def test_health_flips_reach_the_engine(cluster, targets):
    dying, _ = targets
    scene = Scene(cluster, targets, healthcheck=QUICK_CHECKS)
    dying.die()
    eventually(lambda: scene.is_unhealthy("a"), within=10)
    dying.revive()
    eventually(lambda: scene.is_healthy("a"), within=10)


def test_traffic_goes_on_while_the_database_is_away_and_edits_work_again_after_it(cluster, database, targets):
    scene = Scene(cluster, targets)
    with Load(scene.url, connections=4) as load:
        load.wait_for(100)
        database.kill()
        refused = cluster.api.call("PATCH", f"targets/{scene.targets['a']['id']}", {"weight": 0})
        assert refused.status in (500, 503)
        load.wait_for(200)
        database.start()

        def edited():
            try:
                return scene.patch_target("a", weight=0)
            except Refused as not_yet:
                raise AssertionError(str(not_yet)) from not_yet

        eventually(edited, within=30, what="the edit is taken and live")
        assert {request("GET", scene.url).json["name"] for _ in range(10)} == {"b"}
    assert load.failures == []


def test_rows_behave_on_it_as_on_sqlite(database):
    """Null in composite keys, deferred foreign keys, sealed columns, migrations: where the two databases differ."""
    subjects = ("applying", "certificates", "migrations", "models", "people", "plugins", "secrets")
    files = [f"tests/gateway_admin/catalog/test_{subject}.py" for subject in subjects]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
        cwd=FOLDER,
        env=environment | {"DATABASE_URL": database.url},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-5000:]
