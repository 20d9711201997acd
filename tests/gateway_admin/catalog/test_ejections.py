"""Who keeps a target out: the reports of the workers of all live engines, put together."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from gateway_admin.catalog.ejections import Ejection, ejections
from gateway_admin.monitoring.actions import record_engine
from gateway_admin.monitoring.models import LIVE_S, EngineNode
from tests.gateway_admin.builders import a_target
from tests.gateway_admin.monitoring.builders import a_report, an_ejection

pytestmark = pytest.mark.django_db


def moment(unix_s):
    return datetime.fromtimestamp(unix_s, UTC)


def test_without_engines_nothing_is_out():
    assert ejections() == {}


def test_workers_of_all_engines_are_counted_and_the_newest_tells_why():
    target, other = a_target(), a_target()
    early = an_ejection(target, since=100.0, until=130.0, cause="early")
    late = an_ejection(target, since=110.0, until=120.0, cause="late")
    record_engine(a_report(ejected=([early], [])))
    record_engine(a_report(ejected=([late, an_ejection(other)], [])))

    found = ejections()

    assert found[target.pk] == Ejection(2, 4, moment(110), moment(130), "late")
    assert found[other.pk].workers == 1
    assert not found[target.pk].is_everywhere


def test_one_that_is_tried_again_by_all_has_no_end():
    target = a_target()
    record_engine(a_report(ejected=([an_ejection(target, until=None)],)))
    assert ejections()[target.pk].until is None
    assert ejections()[target.pk].is_everywhere


def test_what_a_lost_engine_said_no_longer_holds():
    record_engine(a_report(ejected=([an_ejection(a_target())],)), now=timezone.now() - timedelta(seconds=LIVE_S + 1))
    assert ejections() == {}


def test_reports_of_an_older_release_keep_nothing_out():
    record_engine(a_report())
    EngineNode.objects.update(workers=[{"pid": 1}])
    assert ejections() == {}


def test_it_is_one_statement(django_assert_num_queries):
    target = a_target()
    for _ in range(3):
        record_engine(a_report(ejected=([an_ejection(target)],)))
    with django_assert_num_queries(1):
        ejections()
