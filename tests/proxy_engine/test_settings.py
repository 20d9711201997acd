"""Settings of the engine from the environment."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import fields
from pathlib import Path

import pytest

from proxy_engine.settings import EngineSettings, Limits, variable_of


def test_an_empty_environment_is_enough():
    settings = EngineSettings.from_env({})
    assert [str(address) for address in settings.proxy_listen] == ["0.0.0.0:8000"]
    assert [str(address) for address in settings.status_listen] == ["127.0.0.1:8100"]
    assert settings.workers == len(os.sched_getaffinity(0))
    assert settings.data_dir == Path("var")
    assert settings.trusted_ips == ()
    assert settings.drain_s == 30
    assert settings.node_name == os.uname().nodename
    assert (settings.dns_servers, settings.dns_order) == ((), ("A", "AAAA"))


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
            "GATEWAY_DNS_SERVERS": "10.0.0.2, [::1]:5353",
            "GATEWAY_DNS_ORDER": "AAAA",
        }
    )
    assert [str(address) for address in settings.proxy_listen] == ["127.0.0.1:1", "[::1]:1"]
    assert [str(address) for address in settings.status_listen] == ["127.0.0.1:2"]
    assert (settings.workers, settings.data_dir, settings.drain_s) == (3, Path("/srv/gateway"), 0)
    assert settings.trusted_ips == tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32")))
    assert settings.node_name == "edge-1"
    assert (settings.dns_servers, settings.dns_order) == (("10.0.0.2:53", "[::1]:5353"), ("AAAA",))


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
        ("GATEWAY_DNS_SERVERS", "dns.example.com", "is no DNS server"),
        ("GATEWAY_DNS_ORDER", "SRV", "is no order of record types"),
        ("GATEWAY_TRUSTED_IPS", "everyone", "does not appear to be an IPv4 or IPv6 network"),
    ],
)
def test_a_mistake_names_the_variable(name, value, message):
    with pytest.raises(ValueError, match=message) as caught:
        EngineSettings.from_env({name: value})
    assert str(caught.value).startswith(f"{name}: ")


LIMITS = [(field.name, *field.metadata["range"]) for field in fields(Limits)]


class TestLimits:
    @pytest.mark.parametrize(
        ("field", "variable"),
        [
            ("body_bytes", "GATEWAY_LIMIT_BODY_BYTES"),
            ("head_s", "GATEWAY_LIMIT_HEAD_SECONDS"),
            ("body_bytes_per_s", "GATEWAY_LIMIT_BODY_BYTES_PER_SECOND"),
            ("fields", "GATEWAY_LIMIT_FIELDS"),
            ("connections_per_client", "GATEWAY_LIMIT_CONNECTIONS_PER_CLIENT"),
        ],
    )
    def test_variables_are_called_like_their_fields_with_the_unit_in_words(self, field, variable):
        assert variable_of(field) == variable

    def test_each_has_a_variable_of_its_own(self):
        assert len({variable_of(name) for name, _, _ in LIMITS}) == len(LIMITS)

    def test_without_a_word_the_defaults_hold(self):
        assert EngineSettings.from_env({}).limits == Limits()
        assert EngineSettings.from_env({variable_of(name): "" for name, _, _ in LIMITS}).limits == Limits()

    @pytest.mark.parametrize(("name", "low", "high"), LIMITS)
    def test_the_whole_range_can_be_set_and_nothing_beyond(self, name, low, high):
        for value in (low, high):
            limits = EngineSettings.from_env({variable_of(name): str(value)}).limits
            assert getattr(limits, name) == value
        for value in (low - 1, high + 1, "1.5", "1k", "٣"):
            with pytest.raises(ValueError, match=f"^{variable_of(name)}: .* is no number from {low} to {high}$"):
                EngineSettings.from_env({variable_of(name): str(value)})

    @pytest.mark.parametrize(("name", "low", "high"), LIMITS)
    def test_the_default_is_in_the_range(self, name, low, high):
        assert low <= getattr(Limits(), name) <= high


class TestTheAccessLog:
    def test_it_is_a_bounded_file_in_the_data_directory_unless_told_otherwise(self):
        log = EngineSettings.from_env({"GATEWAY_DATA_DIR": "/data"}).access_log
        assert (log.path, log.format, log.max_bytes, log.with_query) == (
            Path("/data/access.log"),
            "json",
            100 * 2**20,
            True,
        )

    def test_it_can_be_elsewhere_otherwise_or_off(self):
        env = {"GATEWAY_ACCESS_LOG_FORMAT": "combined", "GATEWAY_ACCESS_LOG_MEGABYTES": "0"}
        env["GATEWAY_ACCESS_LOG_QUERY"] = "off"
        log = EngineSettings.from_env(env | {"GATEWAY_ACCESS_LOG": "/var/log/a.log"}).access_log
        assert (log.path, log.format, log.max_bytes, log.with_query) == (Path("/var/log/a.log"), "combined", 0, False)
        assert EngineSettings.from_env({"GATEWAY_ACCESS_LOG": "stdout"}).access_log.path is None
        assert EngineSettings.from_env({"GATEWAY_ACCESS_LOG": "off"}).access_log is None

    @pytest.mark.parametrize("name", ["GATEWAY_ACCESS_LOG_FORMAT", "GATEWAY_ACCESS_LOG_QUERY"])
    def test_a_word_nobody_knows_is_refused(self, name):
        with pytest.raises(ValueError, match=f"{name}: 'xml' is none of"):
            EngineSettings.from_env({name: "xml"})


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("", {"server", "via", "x-kong-request-id"}),
        ("off", set()),
        ("Server_Tokens", {"server", "via"}),
        ("latency_tokens", {"x-kong-upstream-latency", "x-kong-proxy-latency", "x-kong-response-latency"}),
        ("X-Kong-Upstream-Status , Via", {"x-kong-upstream-status", "via"}),
    ],
)
def test_response_headers_are_kongs_words(value, names):
    assert EngineSettings.from_env({"GATEWAY_RESPONSE_HEADERS": value}).response_headers == names


def test_a_response_header_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="GATEWAY_RESPONSE_HEADERS: 'x-powered-by' is none of server_tokens, "):
        EngineSettings.from_env({"GATEWAY_RESPONSE_HEADERS": "via, X-Powered-By"})
