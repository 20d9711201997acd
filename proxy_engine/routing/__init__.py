"""Routing: compile and match routes, rewrite paths, explain. Pure: no sockets, no clock, no logging."""

from .explain import Explanation, Verdict, explain
from .match import Headers, Match, Rank
from .paths import joint, normalise_path, read_target, upstream_path
from .table import RouteTable

__all__ = [
    "Explanation",
    "Headers",
    "Match",
    "Rank",
    "RouteTable",
    "Verdict",
    "explain",
    "joint",
    "normalise_path",
    "read_target",
    "upstream_path",
]
