"""DNS servers and record types as operators write them."""

from __future__ import annotations

import pytest

from proxy_engine.net.dns_settings import parse_order, parse_servers


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("", ()),
        ("10.0.0.2", ("10.0.0.2:53",)),
        ("127.0.0.1:5353, 10.0.0.2", ("127.0.0.1:5353", "10.0.0.2:53")),
        ("::1", ("[::1]:53",)),
        ("[::1]", ("[::1]:53",)),
        ("[2001:db8::1]:5353", ("[2001:db8::1]:5353",)),
    ],
)
def test_servers(text, servers):
    assert parse_servers(text) == servers


@pytest.mark.parametrize(
    "text",
    ["dns.example.com", "10.0.0.2:", "10.0.0.2:0", "10.0.0.2:65536", "10.0.0", "[10.0.0.2]", "[::1", "10.0.0.2:x"],
)
def test_no_servers(text):
    with pytest.raises(ValueError, match="is no DNS server"):
        parse_servers(f"10.0.0.1, {text}")


@pytest.mark.parametrize(
    ("text", "order"), [("A", ("A",)), ("aaaa", ("AAAA",)), ("A, AAAA", ("A", "AAAA")), ("AAAA,A,A", ("AAAA", "A"))]
)
def test_orders(text, order):
    assert parse_order(text) == order


@pytest.mark.parametrize("text", ["", ",", "SRV", "A,CNAME", "A AAAA"])
def test_no_orders(text):
    with pytest.raises(ValueError, match="is no order of record types"):
        parse_order(text)
