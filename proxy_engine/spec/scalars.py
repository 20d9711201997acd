"""Rules for single values: names, hosts, paths, tags, header names …

A rule takes the value and returns what is wrong with it, or None. The wording is Kong's (Kong Admin API 3.10), because
scripts and people know it; where a rule is ours the docstring says so. All patterns are linear and anchored with
``\\Z``: ``$`` would let a trailing newline through.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

Rule = Callable[[str], str | None]

_NAME = re.compile(r"[A-Za-z0-9._~\-\u0080-\U0010ffff]+\Z")
_TAG = re.compile(r"[ -+\--.0-~\u0080-\U0010ffff]+\Z")  # printable ASCII without "," and "/", or any UTF-8
_HEADER_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_PATH = re.compile(r"/[A-Za-z0-9._~/%:@!$&'()*+,;=\-]*\Z")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}", re.S)
_LABEL = re.compile(r"[A-Za-z0-9_-]*[A-Za-z0-9_]\Z")
_DIGITS_AND_DOTS = re.compile(r"[0-9.]+\Z")
_METHOD = re.compile(r"[A-Z]+\Z")
_GRPC_SERVICE = re.compile(r"[!-~]+\Z")
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\Z")
_PORT = re.compile(r"[0-9]{1,5}\Z")
_CIDR = re.compile(r"[0-9A-Fa-f.:]+(?:/[0-9]{1,3})?\Z")

UNCLEAN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters (C1 too: 0x9b starts an ANSI sequence on 8-bit terminals) and line separators forge log lines;
lone surrogates cannot be stored or sent as UTF-8."""

UNCLEAN_IN_LINES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""The same for texts of several lines, which never become a header or a log line."""

BAD_PORT = "invalid port number"
_STAND_IN = "w"  # for the "*" of a wildcard, whose rest then has to be a host


def is_uuid(text: str) -> bool:
    return isinstance(text, str) and _UUID.match(text) is not None


def is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def uuid(value: str) -> str | None:
    return None if _UUID.match(value) else "expected a valid UUID"


def name(value: str) -> str | None:
    if _NAME.match(value):
        return None
    return f"invalid value '{value}': the only accepted ascii characters are alphanumerics or ., -, _, and ~"


def tag(value: str) -> str | None:
    if _TAG.match(value):
        return None
    return f"invalid tag '{value}': expected printable ascii (except `,` and `/`) or valid utf-8 sequences"


def header_name(value: str) -> str | None:
    if _HEADER_NAME.match(value):
        return None
    return f"bad header name '{value}', allowed characters are A-Z, a-z, 0-9, '_', and '-'"


def cookie_name(value: str) -> str | None:
    if _TOKEN.match(value):
        return None
    return f"contains one or more invalid characters. expected a cookie name (RFC 2616 token), got '{value}'"


def grpc_service(value: str) -> str | None:
    """Of ours. Whatever a server calls its services, as long as it can be read: ``orders.v1.Orders``."""
    return None if _GRPC_SERVICE.match(value) else "must be printable ASCII without spaces"


def method(value: str) -> str | None:
    return None if _METHOD.match(value) else f"invalid value: {value}"


def path(value: str) -> str | None:
    """A path of a service or a probe (not of a route: those have ``route_path``)."""
    if not value.startswith("/"):
        return "should start with: /"
    if "//" in value:
        return "must not have empty segments"
    if not _PATH.match(value):
        return f"invalid path: '{value}' (characters outside of the reserved list of RFC 3986 found)"
    return bad_escape(value)


def bad_escape(value: str) -> str | None:
    found = _BAD_ESCAPE.search(value)
    return f"invalid url-encoded value: '{found.group()}'" if found else None


def is_hostname(value: str) -> bool:
    """Underscores, upper case, a leading "-" and one trailing dot are fine (Kong).

    No label is empty or ends in "-". Digits and dots alone are an IPv4 address or nothing: resolvers read ``127.1`` and
    ``2130706433`` as addresses too.
    """
    if not 1 <= len(value) <= 255 or _DIGITS_AND_DOTS.match(value):
        return False
    labels = value.removesuffix(".").split(".")
    return all(len(label) <= 63 and _LABEL.match(label) for label in labels)


def parse_address(value: str) -> tuple[str, int | None]:
    """``host``, ``host:port``, ``[v6]``, ``[v6]:port`` or a bare IPv6 address → (host without brackets, port or None).

    Raises ValueError in Kong's words when it is none of these: ``a:b``, ``a:0``, ``a:70000``, ``[::1``, ``1.2.3``,
    ``a..b``.
    """
    if is_ip(value):
        return value, None
    hostname, port = _cut_port(value)
    if not is_ip(hostname) and not is_hostname(hostname):
        raise ValueError(f"invalid hostname: {value}")
    if port is None:
        return hostname, None
    if not _PORT.match(port) or not 1 <= int(port) <= 65535:
        raise ValueError(BAD_PORT if port.isdigit() else f"invalid hostname: {value}")
    return hostname, int(port)


def _cut_port(value: str) -> tuple[str, str | None]:
    if not value.startswith("["):
        hostname, colon, port = value.partition(":")
        return hostname, port if colon else None
    hostname, closed, rest = value[1:].partition("]")
    if not closed or ":" not in hostname or (rest and not rest.startswith(":")):
        raise ValueError(f"invalid hostname: {value}")
    return hostname, rest[1:] if rest else None


def split_host_port(value: str) -> tuple[str, int | None] | None:
    """As ``parse_address``; None when it is no address."""
    try:
        return parse_address(value)
    except ValueError:
        return None


def host(value: str) -> str | None:
    """A host name, IPv4 or IPv6 address without port."""
    try:
        _, port = parse_address(value)
    except ValueError as problem:
        return "must not have a port" if str(problem) == BAD_PORT else f"invalid value: {value}"
    return None if port is None else "must not have a port"


def host_with_optional_port(value: str) -> str | None:
    try:
        parse_address(value)
    except ValueError as problem:
        return str(problem)
    return None


def upstream_name(value: str) -> str | None:
    """Upstream names are virtual host names, so that ``service.host`` can mean one."""
    try:
        hostname, port = parse_address(value)
    except ValueError:
        return f"Invalid name ('{value}'); must be a valid hostname"
    if is_ip(hostname):
        return f"Invalid name ('{value}'); no ip addresses allowed"
    return None if port is None else f"Invalid name ('{value}'); no port allowed"


def sni(value: str) -> str | None:
    """A TLS server name: no address (RFC 6066 §3), no port."""
    if message := host(value):
        return message
    return "must not be an IP" if is_ip(value.strip("[]")) else None


def wildcard_host(value: str) -> str | None:
    """A server name with at most one ``*``, as its first or last label."""
    return _wildcard_problem(value) or _problem_behind_wildcard(sni, value)


def route_host(value: str) -> str | None:
    """``example.com``, ``example.com:8443``, ``*.example.com``, ``example.*``, ``[::1]:80``."""
    return _wildcard_problem(value.partition(":")[0]) or _problem_behind_wildcard(host_with_optional_port, value)


def _problem_behind_wildcard(rule: Rule, value: str) -> str | None:
    stand_in = value.replace("*", _STAND_IN)
    message = rule(stand_in)
    return message and message.replace(stand_in, value)


def _wildcard_problem(value: str) -> str | None:
    if value.count("*") > 1:
        return "invalid wildcard: must have at most one wildcard"
    bare = value.removesuffix(".")
    if "*" in bare and not (bare.startswith("*.") or bare.endswith(".*")):
        return "invalid wildcard: must be placed at leftmost or rightmost label"
    return None


def cidr(value: str) -> str | None:
    complaint = f"invalid ip or cidr range: '{value}'"
    if not _CIDR.match(value):
        return complaint
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return complaint
    return None


def normalise_target(value: str) -> str | None:
    """``host`` → ``host:8000``; IPv6 in full groups and brackets, as Kong stores it. None when it is no address."""
    parts = split_host_port(value)
    if parts is None:
        return None
    hostname, port = parts
    if ":" in hostname:
        hostname = f"[{ipaddress.IPv6Address(hostname).exploded}]"
    return f"{hostname.lower()}:{port or 8000}"
