"""What consistent hashing looks at: an upstream's ``hash_on`` and ``hash_fallback`` as a function of the
request.

When the first input is missing from a request the fallback is used; when that is missing, too, no bytes: all
such requests go to one target. A cookie is the exception, being issued when absent: the function then answers
None, and ``issue_cookie`` makes the value and the header.

What each input is, follows Kong: several headers of a name are joined with ``, ``; several query arguments of
a name are sorted and joined with ``,``; ``?x`` has the value ``true``, ``?x=`` the empty one. Ours is ``url``: path
and query as the client sent them, so that ``/a?x=1`` and ``/a?x=2`` are two keys, and ``/%61`` another than ``/a``.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import unquote_to_bytes

from proxy_engine.spec import Upstream


class Facts(Protocol):
    """What may be hashed of a request."""

    ip: bytes
    path: bytes  # normalised
    query: bytes  # with its "?", or empty
    target: bytes  # path and query as they came
    captures: Mapping[str, bytes] | None  # of the route's path, by number and by name
    consumer: bytes | None

    def header(self, name: bytes) -> bytes | None:
        """``name`` is lower-case; repeated values come joined with ``, ``."""

    def cookie(self, name: bytes) -> bytes | None: ...


HashInput = Callable[[Facts], bytes | None]


def compile_hash_input(upstream: Upstream) -> HashInput:
    """The key of a request; None when a cookie is to be issued, whose value is then the key."""
    first = _INPUTS[upstream.hash_on](upstream, "hash_on")
    if upstream.hash_on in ("none", "cookie"):
        return first
    second = _INPUTS[upstream.hash_fallback](upstream, "hash_fallback")
    last = None if upstream.hash_fallback == "cookie" else b""

    def key(facts: Facts) -> bytes | None:
        value = first(facts)
        if value is None:
            value = second(facts)
        return last if value is None else value

    return key


def issue_cookie(upstream: Upstream, entropy: bytes) -> tuple[bytes, bytes]:
    """A new value (a random UUID of 16 bytes of ``entropy``) and the value of the ``Set-Cookie`` header for
    it.

    Kong writes ``Same-Site``, which browsers ignore; it is spelt as RFC 6265bis has it here.
    """
    value = str(uuid.UUID(bytes=entropy, version=4)).encode()
    name, path = (upstream.hash_on_cookie or "").encode(), upstream.hash_on_cookie_path.encode()
    return value, b"%b=%b; Path=%b; SameSite=Lax; HttpOnly" % (name, value, path)


def _none(upstream: Upstream, role: str) -> HashInput:
    return lambda facts: b""


def _ip(upstream: Upstream, role: str) -> HashInput:
    return lambda facts: facts.ip


def _consumer(upstream: Upstream, role: str) -> HashInput:
    return lambda facts: facts.consumer


def _path(upstream: Upstream, role: str) -> HashInput:
    return lambda facts: facts.path


def _url(upstream: Upstream, role: str) -> HashInput:
    return lambda facts: facts.target


def _header(upstream: Upstream, role: str) -> HashInput:
    name = _name_of(upstream, role, "header").lower()
    return lambda facts: facts.header(name)


def _cookie(upstream: Upstream, role: str) -> HashInput:
    name = (upstream.hash_on_cookie or "").encode()  # one name serves both roles
    return lambda facts: facts.cookie(name)


def _query_arg(upstream: Upstream, role: str) -> HashInput:
    name = _name_of(upstream, role, "query_arg")
    return lambda facts: _query_value(facts.query, name)


def _uri_capture(upstream: Upstream, role: str) -> HashInput:
    name = _name_of(upstream, role, "uri_capture").decode()
    return lambda facts: facts.captures.get(name) if facts.captures else None


_INPUTS: dict[str, Callable[[Upstream, str], HashInput]] = {
    "none": _none,
    "consumer": _consumer,
    "ip": _ip,
    "header": _header,
    "cookie": _cookie,
    "path": _path,
    "query_arg": _query_arg,
    "uri_capture": _uri_capture,
    "url": _url,
}


def _name_of(upstream: Upstream, role: str, what: str) -> bytes:
    return (getattr(upstream, f"{role}_{what}") or "").encode()


def _query_value(query: bytes, name: bytes) -> bytes | None:
    values = []
    for argument in query[1:].split(b"&"):
        key, equals, value = argument.partition(b"=")
        if key and _decoded(key) == name:
            values.append(_decoded(value) if equals else b"true")
    return b",".join(sorted(values)) if values else None


def _decoded(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" ")) if b"%" in text or b"+" in text else text
