"""The last checks of a target, as they are kept in Redis."""

from gateway_admin.monitoring.checks.recent import KEPT_S, MOST, key_of, read_probes
from tests.gateway_admin.monitoring.builders import a_check
from tests.gateway_admin.monitoring.checks.test_prober import make
from tests.gateway_admin.monitoring.servers import answering, nobody_listening, serving


async def test_each_check_is_kept_newest_first(store):
    async with serving(answering(503)) as address:
        check = a_check(address)
        await make(check)
    async with serving(answering(200)) as address:
        await make(a_check(address, target_id=check.target_id))
    newest, oldest = read_probes(store, [check.target_id])[check.target_id]
    assert (newest.text, newest.counts_as) == ("200", "success")
    assert (oldest.text, oldest.counts_as) == ("503", "failure")
    assert newest.at_ms >= oldest.at_ms
    assert newest.took_ms >= 0


async def test_an_error_is_told_in_words(store):
    with nobody_listening() as address:
        check = a_check(address)
        await make(check)
    [probe] = read_probes(store, [check.target_id])[check.target_id]
    assert (probe.text, probe.counts_as) == ("connection refused", "failure")


async def test_a_status_in_neither_list_is_ignored(store):
    async with serving(answering(418)) as address:
        check = a_check(address)
        await make(check)
    assert read_probes(store, [check.target_id])[check.target_id][0].counts_as == "ignored"


async def test_they_are_few_and_do_not_last(store):
    async with serving(answering()) as address:
        check = a_check(address)
        await make(check, times=MOST + 3)
    assert len(read_probes(store, [check.target_id])[check.target_id]) == MOST
    assert 0 < store.ttl(key_of(check.target_id)) <= KEPT_S


def test_a_target_that_is_not_checked_has_none(store):
    assert read_probes(store, ["nobody"]) == {"nobody": []}
