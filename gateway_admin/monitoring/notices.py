"""What is told on the Channels layer about what was observed: to engines ("health") and to open pages (the rest)."""

from collections.abc import Iterable

from gateway_admin.common.notices import tell

HEALTH = "health"
ENGINES = "engines"
OVERVIEW = "overview"


def upstream_group(upstream_id) -> str:
    return f"upstream-{upstream_id}"


def announce_health(seq: int, upstream_ids: Iterable[str]) -> None:
    groups = [HEALTH, OVERVIEW, *map(upstream_group, upstream_ids)]
    _tell(groups, {"type": "health.changed", "seq": seq})


def announce_episodes(upstream_ids: Iterable[str]) -> None:
    """To open pages alone: engines know better."""
    _tell([OVERVIEW, *map(upstream_group, upstream_ids)], {"type": "health.changed"})


def announce_engines() -> None:
    _tell([ENGINES], {"type": "engines.changed"})


def _tell(groups: list[str], message: dict) -> None:
    tell(groups, message, otherwise=f"{', '.join(groups[:3])} could not be told")
