"""Balancing: which target of an upstream gets the next attempt. Pure: no sockets, no clock, no logging."""

from .balancer import ALGORITHMS, Balancer
from .hash_input import Facts, compile_hash_input, issue_cookie

__all__ = ["ALGORITHMS", "Balancer", "Facts", "compile_hash_input", "issue_cookie"]
