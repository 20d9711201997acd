"""What stands in the way of a start is said in one line, with what to do about it."""

import os
import socket

import pytest

from gateway_admin.processes import preflight
from gateway_admin.processes.preflight import Refusal
from proxy_engine.net.listen import Listen
from tests.support.ports import free_port


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def refusal(check, *arguments):
    with pytest.raises(Refusal) as caught:
        check(*arguments)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_a_free_port_passes():
    preflight.free([Listen("127.0.0.1", free_port())], "GATEWAY_ADMIN_LISTEN")


def test_a_checked_port_is_free_afterwards():
    address = Listen("127.0.0.1", free_port())
    preflight.free([address], "GATEWAY_ADMIN_LISTEN")
    preflight.free([address], "GATEWAY_ADMIN_LISTEN")


def test_a_taken_port_names_its_holder_and_the_setting(listener):
    port = listener.getsockname()[1]
    text = refusal(preflight.free, [Listen("127.0.0.1", port)], "GATEWAY_ADMIN_LISTEN")
    assert text.startswith(f"port 127.0.0.1:{port} is taken (by PID {os.getpid()} ")
    assert text.endswith("stop it or set GATEWAY_ADMIN_LISTEN")


def test_a_port_taken_by_sharing_listeners_is_taken():
    with socket.socket() as sharing:
        sharing.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sharing.bind(("127.0.0.1", 0))
        sharing.listen()
        address = Listen("127.0.0.1", sharing.getsockname()[1])
        assert "is taken" in refusal(preflight.free, [address], "GATEWAY_PROXY_LISTEN")


def test_a_foreign_address_is_named():
    text = refusal(preflight.free, [Listen("192.0.2.1", 8000)], "GATEWAY_PROXY_LISTEN")
    assert text == "192.0.2.1:8000: this machine has no such address; correct GATEWAY_PROXY_LISTEN"


def test_a_missing_data_directory_is_made(tmp_path):
    preflight.writable(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_data_directory_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").touch()
    text = refusal(preflight.writable, tmp_path / "file" / "var")
    assert "cannot write to the data directory" in text
    assert "GATEWAY_DATA_DIR" in text


def test_the_second_on_one_data_directory_is_refused(tmp_path):
    with preflight.only_one(tmp_path):
        text = refusal(preflight.only_one, tmp_path)
    assert f"(PID {os.getpid()})" in text
    assert "GATEWAY_DATA_DIR" in text


def test_the_lock_is_free_once_its_holder_is_gone(tmp_path):
    preflight.only_one(tmp_path).close()
    preflight.only_one(tmp_path).close()


def test_a_path_too_long_for_a_socket_is_refused(tmp_path):
    text = refusal(preflight.short_enough, tmp_path / ("x" * 120) / "redis.sock")
    assert "too long for a unix socket" in text
    assert "REDIS_URL" in text
