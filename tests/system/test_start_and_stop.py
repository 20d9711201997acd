"""``manage.py up`` from its first line to its last."""

import os
import re
import signal
import socket
import time

import psutil
import pytest

from tests.support.client import request
from tests.support.eventually import eventually
from tests.support.ports import free_port
from tests.support.stack import Stack

NAMES = {"redis", "daphne", "worker", "beat", "engine"}
SECOND_START_S = 10.0


@pytest.fixture
def started(own_stack):
    own_stack.start()
    return own_stack


def all_gone(family):
    return not [member for member in family if member.is_running() and member.status() != psutil.STATUS_ZOMBIE]


def test_the_first_start_shows_everything_one_needs_and_the_second_is_quick(own_stack):
    own_stack.start()
    output = own_stack.output()
    assert f"{own_stack.admin}/admin-ui/" in output
    assert f"{own_stack.proxy}/" in output
    assert re.search(r"User +admin\n", output)
    assert len(own_stack.password) >= 12
    assert own_stack.api.call("GET", "upstreams").status == 200
    assert own_stack.processes().keys() == NAMES
    assert own_stack.stop() == 0

    first_password, begun = own_stack.password, time.monotonic()
    own_stack.start()
    assert time.monotonic() - begun < SECOND_START_S
    assert first_password not in own_stack.output()
    assert "Password    as set before; reset: " in own_stack.output()
    assert "manage.py changepassword admin" in own_stack.output()
    assert own_stack.api.call("GET", "upstreams").status == 200


def test_the_password_is_stored_nowhere_in_plain(started):
    secrets = (started.password.encode(), started.token.encode())
    for path in started.data_dir.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(secret in content for secret in secrets), path.name


def test_given_names_and_credentials_are_used_and_not_shown(tmp_path):
    stack = Stack(
        tmp_path / "var",
        GATEWAY_ADMIN_USER="olga",
        GATEWAY_ADMIN_PASSWORD="correct horse battery",
        GATEWAY_ADMIN_TOKEN="given-token-0123456789",
        GATEWAY_ADMIN_HOSTS="gateway.example.org",
    )
    try:
        stack.start()
        stack.token = "given-token-0123456789"
        headers = {"Host": "gateway.example.org", "Authorization": f"Bearer {stack.token}"}
        assert request("GET", f"{stack.admin}/api/upstreams", headers=headers).status == 200
        assert "correct horse" not in stack.output()
        assert "given-token" not in stack.output()
    finally:
        stack.destroy()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_in_order(started, number):
    family = started.family()
    assert len(family) >= len(NAMES) + 1  # and an engine worker
    assert started.stop(number) == 0
    assert all_gone(family)
    assert not (started.data_dir / "processes.json").exists()
    for url in (started.admin, started.proxy, started.status):
        with pytest.raises(OSError, match="refused"):
            request("GET", url)


def test_a_killed_supervisor_leaves_no_process_behind(started):
    family = started.family()
    started.process.kill()
    started.process.wait()
    eventually(lambda: all_gone(family), within=20, what="all processes are gone")


def test_a_password_is_not_lost_to_an_early_ctrl_c(own_stack):
    own_stack.start(wait=False)
    eventually((own_stack.data_dir / "processes.json").exists, within=30, what="something was started")
    assert own_stack.stop() == 0
    shown_at_first = "(shown this once)" in own_stack.output()
    own_stack.start()
    assert shown_at_first != ("(shown this once)" in own_stack.output())


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("GATEWAY_ADMIN_LISTEN", "admin"),
        ("GATEWAY_PROXY_LISTEN", "proxy"),
        ("GATEWAY_STATUS_LISTEN", "status"),
    ],
)
def test_a_taken_port_is_said_in_one_line(own_stack, setting, name):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        result = own_stack.run("up", **{setting: f"127.0.0.1:{port}"})
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert f"port 127.0.0.1:{port} is taken (by PID {os.getpid()} " in result.stderr
    assert f"stop it or set {setting}" in result.stderr


def test_a_second_one_on_the_same_data_is_refused(started):
    others = {
        "GATEWAY_ADMIN_LISTEN": f"127.0.0.1:{free_port()}",
        "GATEWAY_PROXY_LISTEN": f"127.0.0.1:{free_port()}",
        "GATEWAY_STATUS_LISTEN": f"127.0.0.1:{free_port()}",
    }
    result = started.run("up", **others)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert f"in use by another `manage.py up` (PID {started.process.pid})" in result.stderr


def test_a_data_directory_that_cannot_be_is_said_in_one_line(own_stack, tmp_path):
    (tmp_path / "file").touch()
    result = own_stack.run("up", GATEWAY_DATA_DIR=str(tmp_path / "file" / "var"))
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("gatehouse: GATEWAY_DATA_DIR: cannot use ")


def test_a_database_that_is_away_is_said_in_one_line(own_stack):
    result = own_stack.run("up", DATABASE_URL=f"postgres://nobody:secret@127.0.0.1:{free_port()}/none")
    assert result.returncode == 1
    assert "gatehouse: cannot use the database: " in result.stderr
    assert "DATABASE_URL" in result.stderr
    assert "Traceback" not in result.stderr
    assert "secret" not in result.stderr


def test_a_bad_setting_is_named(own_stack):
    result = own_stack.run("up", GATEWAY_WORKERS="many")
    assert result.returncode == 1
    assert result.stderr.startswith("gatehouse: GATEWAY_WORKERS: ")
    assert result.stderr.count("\n") == 1
