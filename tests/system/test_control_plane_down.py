"""No database, no Redis, no dashboard: a fresh engine serves the last configuration it had."""

import signal
import subprocess
import sys

from tests.support.client import request
from tests.support.eventually import eventually
from tests.support.load import Load
from tests.support.ports import free_port
from tests.support.scene import Scene
from tests.support.stack import FOLDER

START_S = 30.0


def test_an_engine_alone_starts_from_the_last_good_snapshot(own_stack, targets):
    own_stack.start()
    scene = Scene(own_stack, targets, weights={"a": 3, "b": 1})
    saved = own_stack.data_dir / "engine-snapshot.json"
    eventually(lambda: saved.exists() and scene.route["id"] in saved.read_text(), what="the snapshot is on disk")
    own_stack.stop()
    away = {
        "DATABASE_URL": f"postgres://nobody@127.0.0.1:{free_port()}/none",
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
    }
    with own_stack.log.open("ab") as log:
        engine = subprocess.Popen(
            [sys.executable, "manage.py", "run_engine"],
            cwd=FOLDER,
            env=own_stack.environment | away,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually(lambda: request("GET", f"{own_stack.status}/status/ready").status == 200, within=START_S)
        with Load(scene.url, connections=4) as load:
            load.wait_for(200)
        assert load.failures == []
        assert {"a", "b"} == load.record.answers.keys()
    finally:
        engine.send_signal(signal.SIGTERM)
        assert engine.wait(20) == 0
