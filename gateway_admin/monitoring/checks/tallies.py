"""Tallies and leases in Redis, for the loop that runs the checks. Keys: see ``schedule``.

A lease says that a check of a target is under way, until when at the latest. It keeps a slow check and the next
one apart wherever they run, and it is the permission to write: what comes back after the lease was taken away (the
target was edited, the lease ran out) is not counted.
"""

from collections.abc import Sequence
from typing import NamedTuple

import redis.asyncio

from .recent import KEPT_S, MOST, key_of
from .schedule import LEASES, TALLIES

BEGIN = """
local tallies, leases, found = KEYS[1], KEYS[2], {}
for i = 2, #ARGV, 2 do
  local running = redis.call('ZSCORE', leases, ARGV[i])
  if running and tonumber(running) > tonumber(ARGV[1]) then
    found[#found + 1] = 'busy ' .. running
  else
    redis.call('ZADD', leases, ARGV[i + 1], ARGV[i])
    found[#found + 1] = redis.call('HGET', tallies, ARGV[i]) or ''
  end
end
return found
"""

FINISH = f"""
local tallies, leases, kept = KEYS[1], KEYS[2], {{}}
for i = 1, #ARGV, 5 do
  local running = redis.call('ZSCORE', leases, ARGV[i])
  local mine = running and tonumber(running) == tonumber(ARGV[i + 1])
  if mine then
    redis.call('ZREM', leases, ARGV[i])
    if ARGV[i + 2] == 'set' then redis.call('HSET', tallies, ARGV[i], ARGV[i + 3]) end
    if ARGV[i + 2] == 'drop' then redis.call('HDEL', tallies, ARGV[i]) end
    if ARGV[i + 4] ~= '' then
      local probes = KEYS[3 + #kept]
      redis.call('LPUSH', probes, ARGV[i + 4])
      redis.call('LTRIM', probes, 0, {MOST - 1})
      redis.call('EXPIRE', probes, {KEPT_S})
    end
  end
  kept[#kept + 1] = mine and 1 or 0
end
return kept
"""


class Lease(NamedTuple):
    target_id: str
    until_ms: int


class Begun(NamedTuple):
    """Either the lease was given, with the stored tally ("" where there is none), or another check holds it."""

    tally: str = ""
    busy_until_ms: int = 0


class Result(NamedTuple):
    """``tally``: what to store, "" to drop what is stored, None to leave it. ``probe``: from ``recent``."""

    lease: Lease
    tally: str | None
    probe: str = ""


class TallyStore:
    def __init__(self, client: redis.asyncio.Redis):
        self._begin = client.register_script(BEGIN)
        self._finish = client.register_script(FINISH)

    async def begin(self, leases: Sequence[Lease], now_ms: int) -> list[Begun]:
        arguments = [now_ms, *(part for lease in leases for part in lease)]
        return [_begun(reply) for reply in await self._begin(keys=[TALLIES, LEASES], args=arguments)]

    async def finish(self, results: Sequence[Result]) -> list[bool]:
        """Give the leases back and store what was counted; False where the lease was lost, and with it the count."""
        keys = [TALLIES, LEASES, *(key_of(result.lease.target_id) for result in results)]
        arguments = [part for result in results for part in (*result.lease, *_order(result.tally), result.probe)]
        return [bool(kept) for kept in await self._finish(keys=keys, args=arguments)]


def _begun(reply: str) -> Begun:
    word, _, until_ms = reply.partition(" ")
    return Begun(busy_until_ms=int(until_ms)) if word == "busy" else Begun(tally=reply)


def _order(tally: str | None) -> tuple[str, str]:
    if tally is None:
        return "leave", ""
    return ("set", tally) if tally else ("drop", "")
