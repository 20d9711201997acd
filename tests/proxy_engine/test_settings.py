"""Settings of the engine from the environment."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path

import pytest

from proxy_engine.settings import EngineSettings


def test_an_empty_environment_is_enough():
    settings = EngineSettings.from_env({})
    assert [str(address) for address in settings.proxy_listen] == ["0.0.0.0:8000"]
    assert [str(address) for address in settings.status_listen] == ["127.0.0.1:8100"]
    assert settings.workers == len(os.sched_getaffinity(0))
    assert settings.data_dir == Path("var")
    assert settings.trusted_ips == ()
    assert settings.drain_s == 30
    assert settings.node_name == os.uname().nodename


def test_an_empty_value_means_the_default():
    names = ["PROXY_LISTEN", "STATUS_LISTEN", "WORKERS", "DATA_DIR", "TRUSTED_IPS", "DRAIN_SECONDS", "NODE_NAME"]
    assert EngineSettings.from_env({f"GATEWAY_{name}": "" for name in names}) == EngineSettings.from_env({})


def test_everything_can_be_set():
    settings = EngineSettings.from_env(
        {
            "GATEWAY_PROXY_LISTEN": "127.0.0.1:1,[::1]:1",
            "GATEWAY_STATUS_LISTEN": "127.0.0.1:2",
            "GATEWAY_WORKERS": "3",
            "GATEWAY_DATA_DIR": "/srv/gateway",
            "GATEWAY_TRUSTED_IPS": "10.0.0.0/8, 192.0.2.7 ,2001:db8::/32,",
            "GATEWAY_DRAIN_SECONDS": "0",
            "GATEWAY_NODE_NAME": "edge-1",
        }
    )
    assert [str(address) for address in settings.proxy_listen] == ["127.0.0.1:1", "[::1]:1"]
    assert [str(address) for address in settings.status_listen] == ["127.0.0.1:2"]
    assert (settings.workers, settings.data_dir, settings.drain_s) == (3, Path("/srv/gateway"), 0)
    assert settings.trusted_ips == tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32")))
    assert settings.node_name == "edge-1"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("GATEWAY_PROXY_LISTEN", "8000", "'8000' is no listen address"),
        ("GATEWAY_PROXY_LISTEN", ",", "names no listen address"),
        ("GATEWAY_STATUS_LISTEN", "::1:80", "in brackets"),
        *(
            ("GATEWAY_WORKERS", value, "is no number from 1 to 1024")
            for value in ("0", "1025", "-1", "+1", "1.5", "two", "1_0", "²", "٣", " 3", "9" * 5000)
        ),
        ("GATEWAY_DRAIN_SECONDS", "3601", "is no number from 0 to 3600"),
        ("GATEWAY_TRUSTED_IPS", "10.0.0.1/8", "has host bits set"),
        ("GATEWAY_TRUSTED_IPS", "everyone", "does not appear to be an IPv4 or IPv6 network"),
    ],
)
def test_a_mistake_names_the_variable(name, value, message):
    with pytest.raises(ValueError, match=message) as caught:
        EngineSettings.from_env({name: value})
    assert str(caught.value).startswith(f"{name}: ")
