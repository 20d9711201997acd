"""The tasks, what beat is told, and the socket of the page."""

import pytest

from gateway_admin.alerts import tasks
from gateway_admin.alerts.models import Alert, AlertDelivery
from gateway_admin.alerts.views.board import board_fragments
from gateway_admin.monitoring.actions import Source, mark_targets
from tests.gateway_admin.builders import a_target, a_user
from tests.gateway_admin.monitoring.builders import a_flip

from .builders import a_channel, a_rule
from .test_sending import a_receiver


@pytest.mark.django_db(transaction=True)
def test_from_a_flip_to_the_receiver():
    with a_receiver() as (address, got):
        a_rule(a_channel(url=address))
        mark_targets([a_flip(a_target())], source=Source.ACTIVE)
        tasks.look(), tasks.send(), tasks.look(), tasks.send()
    assert len(got) == 1
    assert AlertDelivery.objects.get().state == "sent"
    tasks.prune()
    assert Alert.objects.get().state == "firing"


def test_beat_looks_and_sends_every_other_second():
    planned = {}

    class App:
        def add_periodic_task(self, every_s, task, *, name, expires):
            planned[task.task] = (every_s, expires)

    tasks.schedule_tasks(App())
    assert planned["alerts.look"] == planned["alerts.send"] == (2.0, 4.0)
    assert planned["alerts.prune"] == (3600.0, 1800.0)


@pytest.mark.django_db
def test_the_socket_sends_the_board_and_the_count():
    html = board_fragments(a_user())
    assert 'id="alert-board"' in html
    assert 'id="count-alerts"' in html
