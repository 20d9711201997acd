"""How the processes are started."""

import signal
from pathlib import Path

import pytest

from gateway_admin.processes import private_redis, programs
from gateway_admin.processes.plan import Plan
from gateway_admin.processes.preflight import Refusal
from proxy_engine.net.listen import Listen


@pytest.mark.parametrize(
    ("address", "endpoint"),
    [
        (Listen("127.0.0.1", 8001), "tcp:8001:interface=127.0.0.1"),
        (Listen("::1", 8001), r"tcp6:8001:interface=\:\:1"),
    ],
)
def test_daphne_listens_where_it_is_told(address, endpoint):
    command = programs.daphne([address]).command
    assert command[command.index("-e") + 1] == endpoint


def test_daphne_listens_on_several_addresses():
    command = programs.daphne([Listen("127.0.0.1", 8001), Listen("127.0.0.1", 8002)]).command
    assert command.count("-e") == 2


def test_private_redis_has_no_port_and_no_files(tmp_path):
    command = private_redis.command("redis-server", tmp_path / "redis.sock")
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--port"] == "0"
    assert options["--save"] == ""
    assert options["--appendonly"] == "no"
    assert options["--unixsocketperm"] == "700"


def test_the_engine_outlasts_its_drain_and_drains_when_orphaned():
    engine = programs.engine(Path("manage.py"), drain_s=30)
    assert engine.stop_s > 30
    assert engine.orphan_signal == signal.SIGTERM


def test_a_redis_of_others_is_not_started(tmp_path):
    assert Plan.read({"REDIS_URL": "redis://redis.example:6379/0"}, tmp_path, {}).redis is None


def test_the_first_users_secrets_reach_no_process(tmp_path):
    env = {"GATEWAY_ADMIN_PASSWORD": "not for others", "GATEWAY_ADMIN_TOKEN": "nor this", "PATH": "/bin"}
    environment = Plan.read(env, tmp_path, {}).environment
    assert environment["PATH"] == "/bin"
    assert not {"GATEWAY_ADMIN_PASSWORD", "GATEWAY_ADMIN_TOKEN"} & environment.keys()


@pytest.mark.parametrize("name", ["GATEWAY_ADMIN_LISTEN", "GATEWAY_PROXY_LISTEN", "GATEWAY_STATUS_LISTEN"])
@pytest.mark.parametrize("value", ["8000", "localhost", "127.0.0.1:", "127.0.0.1:99999", "::1:80"])
def test_a_bad_address_is_refused_by_name(name, value, tmp_path):
    with pytest.raises(Refusal, match=f"^{name}: "):
        Plan.read({name: value}, tmp_path, {})
