"""The configuration, now or at a version, as the file that deck would write."""

from __future__ import annotations

from proxy_engine.spec.declarative import Choice, to_yaml, write

from .stored import Stored


def exported(choice: Choice, stored: Stored | None = None) -> dict:
    """The document; ``as_yaml`` makes the text of it."""
    return write((stored or Stored.now()).lists(), choice)


as_yaml = to_yaml
