"""Notices on the Channels layer: hints that something changed, for engines ("health") and for open pages (the rest).

What they announce is committed already and found by everybody's next poll, so a Redis that is away costs time, not
truth: it is logged and the caller goes on.
"""

import asyncio
import logging
from collections.abc import Iterable

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

log = logging.getLogger(__name__)

HEALTH = "health"
ENGINES = "engines"
OVERVIEW = "overview"
TIMEOUT_S = 1.0


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
    try:
        async_to_sync(_send)(groups, message)
    except Exception as error:  # noqa: BLE001 - whatever the layer raises, the commit stands
        log.warning("%s could not be told: %s", ", ".join(groups[:3]), str(error) or type(error).__name__)


async def _send(groups: list[str], message: dict) -> None:
    layer = get_channel_layer()
    async with asyncio.timeout(TIMEOUT_S):
        for group in groups:
            await layer.group_send(group, message)
