"""The page of alerts, kept current."""

from gateway_admin.monitoring.sockets import LiveSocket
from gateway_admin.monitoring.views import engines_fragment

from .notices import ALERTS
from .views.board import board_fragments


class AlertsSocket(LiveSocket):
    kind = "alerts"

    def page_groups(self):
        return [ALERTS]

    def render(self, *, user, only_engines):
        return engines_fragment() if only_engines else board_fragments(user) + engines_fragment()

    async def alerts_changed(self, notice):
        self._page_is_stale = True
        self._news.set()
