"""Listen addresses as operators write them, and sockets on the loopback for them."""

from __future__ import annotations

import errno
import socket

import pytest

from proxy_engine.net.listen import Listen, bind, parse


def has_ipv6() -> bool:
    try:
        bind(Listen("::1", 0), share=False).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("0.0.0.0:8000", [("0.0.0.0", 8000)]),
        ("127.0.0.1:8000,[::1]:8000", [("127.0.0.1", 8000), ("::1", 8000)]),
        (" 127.0.0.1:1 , localhost:65535 ,", [("127.0.0.1", 1), ("localhost", 65535)]),
        ("[::]:0", [("::", 0)]),
        ("gateway-1.example:08000", [("gateway-1.example", 8000)]),
    ],
)
def test_it_reads_addresses(text, addresses):
    assert parse(text) == addresses


@pytest.mark.parametrize("text", ["127.0.0.1:8000", "[::1]:8000", "localhost:0"])
def test_an_address_is_shown_as_it_is_written(text):
    [address] = parse(text)
    assert str(address) == text


NO_ADDRESSES = ["8000", ":8000", "host", "host:", "host:80a", "host:+80", "host:-1", "host:65536", "host:٨٠"]
NO_ADDRESSES += ["[::1]", "[]:80", "[::g]:80", "[10.0.0.1]:80", "[::1:80", "*:80", "a b:80", "http://a:80", "a\n:80"]
NO_ADDRESSES += ["é:80", "host:" + "9" * 5000]


@pytest.mark.parametrize("text", NO_ADDRESSES, ids=lambda text: repr(text[:20]))
def test_it_refuses_what_is_none_and_quotes_it(text):
    with pytest.raises(ValueError, match=r"write host:port|in brackets") as caught:
        parse(f"127.0.0.1:1,{text}")
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", ["::1:80", "2001:db8::1:80"])
def test_an_ipv6_address_needs_brackets(text):
    with pytest.raises(ValueError, match="put an IPv6 address in brackets"):
        parse(text)


@pytest.mark.parametrize("text", ["", " ", ",", " , "])
def test_no_address_is_a_mistake(text):
    with pytest.raises(ValueError, match="names no listen address"):
        parse(text)


def test_it_binds_a_listening_socket():
    with bind(Listen("127.0.0.1", 0), share=False) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        assert not sock.getblocking()
        with socket.create_connection(sock.getsockname(), timeout=5):
            pass


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on the loopback")
def test_an_ipv6_socket_leaves_ipv4_alone():
    with bind(Listen("::1", 0), share=False) as sock:
        assert sock.family is socket.AF_INET6
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


def test_sockets_that_share_take_turns_on_one_address():
    with bind(Listen("127.0.0.1", 0), share=True) as first:
        address = Listen("127.0.0.1", first.getsockname()[1])
        with bind(address, share=True) as second:
            assert second.getsockname() == first.getsockname()


def test_a_taken_address_is_named_in_the_error():
    with bind(Listen("127.0.0.1", 0), share=False) as sock:
        address = Listen("127.0.0.1", sock.getsockname()[1])
        with pytest.raises(OSError, match=f"cannot listen on {address}: ") as caught:
            bind(address, share=False)
        assert caught.value.errno == errno.EADDRINUSE


def test_an_address_of_another_machine_is_named_in_the_error():
    with pytest.raises(OSError, match=r"cannot listen on 192\.0\.2\.1:0: "):
        bind(Listen("192.0.2.1", 0), share=False)
