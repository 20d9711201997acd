"""From the request target to the path that is matched, and from that to the path that is sent upstream.

Matching and forwarding must see one and the same path, or a rule can be walked round by spelling it differently.
Therefore the path is brought into its normal form (``proxy_engine.spec.paths``) once, before matching, and the upstream
path is made from that; what may not stand in a path is encoded again at the end.

Refused with ``ValueError``, besides what has no normal form: targets that do not start with ``/``, control characters,
spaces and ``#``, which an origin could take for an end.
"""

from __future__ import annotations

import re

from proxy_engine.spec import normal_path

from .match import Match

_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_PLAIN = _UNRESERVED + b"!*'():@&=+$,/"
_UPSTREAM_SAFE = _UNRESERVED + b"!#$&'()*+,/:;=?@[\\]%"
_VISIBLE = bytes(range(0x21, 0x7F)) + bytes(range(0x80, 0x100))

# A path of plain bytes without "//" and "/." is its own normal form. Marking "." as "/" finds both at once ("./" and
# ".." then look suspicious, too, and are looked at closely); to translate and find costs a third of searching by `in`.
PATH_MARKS = bytes(0 if value not in _PLAIN else ord("/") if value in b"/." else ord("x") for value in range(256))
QUERY_MARKS = bytes(value not in _VISIBLE for value in range(256))

_LEADING_DOTS = re.compile(rb"\.\.?(?:/|%2F|\\|(?:;|%3B)[^/]*/?|\Z)")

_ENCODED = [bytes([value]) if value in _UPSTREAM_SAFE else b"%%%02X" % value for value in range(256)]


def normalise_path(target: bytes) -> tuple[bytes, bytes]:
    """``/a/%7eb/../c?x=1`` → (``/a/c``, ``?x=1``). ``target`` is in origin form; the query stays as it is."""
    path, query, _ = read_target(target)
    return path, query


def read_target(target: bytes) -> tuple[bytes, bytes, bool]:
    """The same, and whether the path is plain: it was in its normal form, of bytes that may stand in any path."""
    path, query, start = target, b"", target.find(b"?")
    if start >= 0:
        path, query = target[:start], target[start:]
        if query.translate(QUERY_MARKS).find(1) >= 0:
            raise ValueError("control character or space in the query")
    if path[:1] != b"/":
        raise ValueError("the request target does not start with /")
    marks = path.translate(PATH_MARKS)
    if marks.find(b"//") >= 0 or marks.find(0) >= 0:
        return _normalise(path), query, False
    return path, query, True


def _normalise(path: bytes) -> bytes:
    if path.translate(None, _VISIBLE) or b"#" in path:
        raise ValueError("control character, space or # in the path")
    return normal_path(path)


def upstream_path(match: Match, path: bytes, service_path: bytes | None, is_plain: bool = False) -> bytes:
    """The path to send upstream, without query: service path and normalised path joined as Kong's ``v0`` does.

    ``service_path`` None or empty means ``/``. ``path_handling`` ``v1`` has no effect in the flavour
    ``traditional_compatible``. A route without paths has matched ``/`` in Kong's terms: stripping that shows no effect.
    """
    base = service_path or b"/"
    is_simple = is_plain and base == b"/"  # nothing to join, nothing to escape: most are
    if match.prefix and match.route.strip_path:
        rest = path[len(match.prefix) :]
        if is_simple and rest.startswith(b"/"):  # no dots in front
            return rest
        return _escape(_join_stripped(base, _without_leading_dots(rest), path))
    return path if is_simple else _escape(_join_kept(base, path))


def joint(match: Match, service_path: bytes | None) -> tuple[bytes, int]:
    """What ``upstream_path`` comes to for plain paths other than ``/``: ``(before, cut)`` for ``before + path[cut:]``,
    as long as there is a ``/`` at ``cut``.
    """
    is_stripped = match.prefix and match.route.strip_path
    return _escape((service_path or b"/").removesuffix(b"/")), len(
        match.prefix.removesuffix(b"/")
    ) if is_stripped else 0


def _join_kept(base: bytes, path: bytes) -> bytes:
    if base == b"/":
        return path
    if base.endswith(b"/"):
        return base + path[1:]
    return base if path == b"/" else base + path


def _join_stripped(base: bytes, rest: bytes, path: bytes) -> bytes:
    bare = base.removesuffix(b"/")
    if rest:
        return bare + b"/" + rest.removeprefix(b"/")
    if base == b"/" or path == b"/":
        return base
    return bare + b"/" if path.endswith(b"/") else bare


def _without_leading_dots(rest: bytes) -> bytes:
    """A prefix may end inside a segment: ``/api`` off ``/api../admin`` must not leave ``../admin``."""
    found = _LEADING_DOTS.match(rest) if rest[:1] == b"." else None
    return rest[found.end() :] if found else rest


def _escape(path: bytes) -> bytes:
    if path.translate(None, _UPSTREAM_SAFE):
        return b"".join([_ENCODED[value] for value in path])
    return path
