"""So many starts per turn of the loop, in order, whoever gives up on the way."""

import asyncio

from gateway_admin.monitoring.checks.pace import STARTS_PER_TURN, Pace


async def turns_of(starts: int, pace: Pace) -> list[int]:
    """In which turn of the loop each of so many callers was let in."""
    turn, let_in = 0, []

    async def caller():
        await pace.start()
        let_in.append(turn)

    callers = [asyncio.ensure_future(caller()) for _ in range(starts)]
    while not all(task.done() for task in callers):
        await asyncio.sleep(0)
        turn += 1
    return let_in


async def test_a_few_start_together():
    assert len(set(await turns_of(3, Pace()))) == 1


async def test_many_start_turn_by_turn():
    let_in = await turns_of(3 * STARTS_PER_TURN, Pace())
    assert [let_in.count(turn) for turn in sorted(set(let_in))] == [STARTS_PER_TURN] * 3


async def test_first_come_first_served():
    pace, order = Pace(), []

    async def caller(number):
        await pace.start()
        order.append(number)

    await asyncio.gather(*map(caller, range(100)))
    assert order == list(range(100))


async def test_who_gives_up_holds_up_nobody():
    pace = Pace()
    impatient = asyncio.ensure_future(pace.start())
    patient = asyncio.ensure_future(pace.start())
    await asyncio.sleep(0)
    impatient.cancel()
    async with asyncio.timeout(5):
        await patient
        await pace.start()
