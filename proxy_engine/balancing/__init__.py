"""Balancing: which target of an upstream gets the next attempt. Pure: no sockets, no clock, no logging."""

from .balancer import ALGORITHMS, Balancer, PanicCounts
from .hash_input import Facts, compile_hash_input, issue_cookie

__all__ = ["ALGORITHMS", "Balancer", "Facts", "PanicCounts", "compile_hash_input", "issue_cookie"]
