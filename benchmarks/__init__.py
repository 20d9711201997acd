"""Measurements against nginx and haproxy in the same run. Ratios, never absolute promises: machines differ."""
