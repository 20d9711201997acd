"""Rules of single values: what passes, and what is said about the rest."""

from __future__ import annotations

import pytest

from proxy_engine.spec import scalars


def accepted(rule, *values):
    return [pytest.param(rule, value, id=f"{rule.__name__}: {value!a:.40}") for value in values]


def refused(rule, *pairs):
    return [pytest.param(rule, value, message, id=f"{rule.__name__}: {value!a:.40}") for value, message in pairs]


V4, V6 = "10.0.0.1", "2001:db8::1"

GOOD = [
    *accepted(scalars.name, "a", "A.b-c_d~9", "größe", "サービス"),
    *accepted(scalars.tag, "a", "team a", "a.b-c_d~9!", "größe"),
    *accepted(scalars.header_name, "X-Id", "x_id", "9"),
    *accepted(scalars.cookie_name, "sid", "__Host-sid", "a!#$%&'*+-.^_`|~9"),
    *accepted(scalars.method, "GET", "PURGE"),
    *accepted(scalars.path, "/", "/a/b", "/a%2Fb", "/A._~%20:@!$&'()*+,;=-", "/a/../b"),
    *accepted(
        scalars.host, "a", "A.example.com", "a_b", "a.", "-a", "xn--grsse-fva", V4, V6, "[::1]", "::ffff:1.2.3.4"
    ),
    *accepted(scalars.host, "1a", "3.example", "a" * 63, ".".join(["a" * 63] * 3)),
    *accepted(scalars.host_with_optional_port, "a", "a:1", "a:65535", V4, f"{V4}:80", V6, "[::1]", "[::1]:443"),
    *accepted(scalars.upstream_name, "pool", "pool.v1.service", "a_b."),
    *accepted(scalars.sni, "a.example", "a."),
    *accepted(scalars.wildcard_host, "a.example", "*.example", "example.*", "*.example."),
    *accepted(scalars.route_host, "a", "a:8443", "*.a", "*.a:8443", "a.*", "a.*:1", V4, f"{V4}:80", "[::1]:80", "::1"),
    *accepted(scalars.cidr, V4, "10.0.0.0/8", "10.0.0.1/8", V6, "2001:db8::/32", "0.0.0.0/0"),
]

NAME = "the only accepted ascii characters are alphanumerics or ., -, _, and ~"
RFC3986 = "(characters outside of the reserved list of RFC 3986 found)"
ONE_WILDCARD = "invalid wildcard: must have at most one wildcard"
WILDCARD_PLACE = "invalid wildcard: must be placed at leftmost or rightmost label"

BAD = [
    *refused(scalars.name, *((v, f"invalid value '{v}': {NAME}") for v in ("a b", "a/b", "a:b", "a\n", "", "%20"))),
    *refused(
        scalars.tag,
        *(
            (v, f"invalid tag '{v}': expected printable ascii (except `,` and `/`) or valid utf-8 sequences")
            for v in ("a,b", "a/b", "a\n", "")
        ),
    ),
    *refused(
        scalars.header_name,
        *(
            (v, f"bad header name '{v}', allowed characters are A-Z, a-z, 0-9, '_', and '-'")
            for v in ("a b", "a:", "a.b", "ä", "a\n", "")
        ),
    ),
    *refused(
        scalars.cookie_name,
        *(
            (v, f"contains one or more invalid characters. expected a cookie name (RFC 2616 token), got '{v}'")
            for v in ("a b", "a=b", "a;b", "a,b", "ä", "a\n", "")
        ),
    ),
    *refused(scalars.method, *((v, f"invalid value: {v}") for v in ("get", "GET ", "M-SEARCH", "GÄT", "GET\n"))),
    *refused(
        scalars.path,
        ("a", "should start with: /"),
        ("/a//b", "must not have empty segments"),
        *((v, f"invalid path: '{v}' {RFC3986}") for v in ("/a b", "/a?b", "/a#b", '/"', "/ä", "/a\n", "/[a]")),
        ("/%2w", "invalid url-encoded value: '%2w'"),
        ("/%", "invalid url-encoded value: '%'"),
        ("/a%2", "invalid url-encoded value: '%2'"),
    ),
    *refused(
        scalars.host,
        *((v, "must not have a port") for v in ("a:80", f"{V4}:80", "[::1]:80", "a:99999", "a:0")),
        *(
            (v, f"invalid value: {v}")
            for v in ("", ".", "a..b", ".a", "a-", "a.b-", "a b", "a/b", "a@b", "ä", "a\n", "*.a", "a:b", "a:", ":80")
        ),
        # addresses that are none, or that resolvers would read as one
        *(
            (v, f"invalid value: {v}")
            for v in ("300.1.1.1", "1.2.3", "127.1", "2130706433", "1.2.3.4.", "[::1", "::1]", "[10.0.0.1]", "::1%eth0")
        ),
        ("a" * 64, "invalid value: " + "a" * 64),
        ("a." * 127 + "aa", "invalid value: " + "a." * 127 + "aa"),
    ),
    *refused(
        scalars.host_with_optional_port,
        *((v, "invalid port number") for v in ("a:0", "a:65536", "a:100000", "[::1]:0", f"{V4}:99999")),
        *((v, f"invalid hostname: {v}") for v in ("a:", "a:b", "a:8 0", "a:+80", "a:80\n", "a:80:80", "[::1]80", "")),
    ),
    *refused(
        scalars.upstream_name,
        *((v, f"Invalid name ('{v}'); no ip addresses allowed") for v in (V4, V6, "[::1]", f"{V4}:80", "[::1]:80")),
        ("a:80", "Invalid name ('a:80'); no port allowed"),
        *(
            (v, f"Invalid name ('{v}'); must be a valid hostname")
            for v in ("a b", "a..b", "*.a", "1.2.3", "a\n", "a:b")
        ),
    ),
    *refused(
        scalars.sni,
        *((v, "must not be an IP") for v in (V4, V6, "[::1]")),
        *((v, "must not have a port") for v in ("a:80", "[::1]:443")),
        *((v, f"invalid value: {v}") for v in ("a b", "*.a", "")),
    ),
    *refused(
        scalars.wildcard_host,
        ("*.*", ONE_WILDCARD),
        *((v, WILDCARD_PLACE) for v in ("*", "*.", "*a", "a*", "a.*.b", "*a.b", "a.*:80")),
        ("*.a:80", "must not have a port"),
        (V4, "must not be an IP"),
        *((v, f"invalid value: {v}") for v in ("*..a", "*.a b", "*.a\n")),
    ),
    *refused(
        scalars.route_host,
        *((v, ONE_WILDCARD) for v in ("*.*", "*.*:80")),
        *((v, WILDCARD_PLACE) for v in ("*", "*:80", "*.", "*a", "a*", "a.*.b", "[*]:80")),
        *((v, "invalid port number") for v in ("a:0", "a:99999", "*.a:0", "a.*:70000")),
        *(
            (v, f"invalid hostname: {v}")
            for v in ("a b", "a:b", "a:*", "*.a:", "*..a", "1.2.3", "[::1", "a\n", "a:80\n")
        ),
    ),
    *refused(
        scalars.cidr,
        *(
            (v, f"invalid ip or cidr range: '{v}'")
            for v in (
                "",
                "a",
                "10.0.0.0/33",
                "10.0.0.0/",
                "10.0.0.0/+8",
                "10.0.0.0/255.0.0.0",
                "::1%eth0",
                "10.0.0.0/8\n",
            )
        ),
    ),
]


@pytest.mark.parametrize(("rule", "value"), GOOD)
def test_it_accepts(rule, value):
    assert rule(value) is None


@pytest.mark.parametrize(("rule", "value", "message"), BAD)
def test_it_says_what_is_wrong(rule, value, message):
    assert rule(value) == message


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", ("a", None)),
        ("a:80", ("a", 80)),
        ("10.0.0.1:80", ("10.0.0.1", 80)),
        ("::1", ("::1", None)),
        ("[::1]", ("::1", None)),
        ("[::1]:80", ("::1", 80)),
        ("::1:80", ("::1:80", None)),  # an address in full, as RFC 4291 reads it
        ("a:00080", ("a", 80)),
        ("[::1", None),
        ("a:b", None),
        ("a:0", None),
        ("a:٨٠", None),
        ("a:²", None),
    ],
)
def test_an_address_is_split_into_host_and_port(text, parts):
    assert scalars.split_host_port(text) == parts


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("a", "a:8000"),
        ("A.Example:80", "a.example:80"),
        ("10.0.0.1", "10.0.0.1:8000"),
        ("::1", "[0000:0000:0000:0000:0000:0000:0000:0001]:8000"),
        ("[2001:DB8::1]:80", "[2001:0db8:0000:0000:0000:0000:0000:0001]:80"),
        ("a:00080", "a:80"),
        ("a b", None),
        ("a:0", None),
        ("http://a", None),
        ("*.a", None),
    ],
)
def test_a_target_has_one_spelling(text, target):
    assert scalars.normalise_target(text) == target
    assert target is None or scalars.normalise_target(target) == target


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("0c4a8bd6-5ba2-4c5c-9e0b-1e5f9a0b7c3d", True),
        ("0C4A8BD6-5BA2-4C5C-9E0B-1E5F9A0B7C3D", True),
        ("00000000-0000-0000-0000-000000000000", True),
        ("0c4a8bd65ba24c5c9e0b1e5f9a0b7c3d", False),
        ("{0c4a8bd6-5ba2-4c5c-9e0b-1e5f9a0b7c3d}", False),
        ("0c4a8bd6-5ba2-4c5c-9e0b-1e5f9a0b7c3d\n", False),
        ("٠c4a8bd6-5ba2-4c5c-9e0b-1e5f9a0b7c3d", False),
        (None, False),
        (7, False),
        (["0c4a8bd6-5ba2-4c5c-9e0b-1e5f9a0b7c3d"], False),
    ],
)
def test_it_knows_a_uuid(text, is_one):
    assert scalars.is_uuid(text) is is_one
