"""Addresses of REST about alerts, below ``/api/``. A closing slash is accepted and needed nowhere."""

from django.urls import re_path

from gateway_admin.alerts.kinds import RULES, SILENCES

from .views import Alerts, ChannelList, ChannelOne, ChannelTest, Deliveries, KindList, KindOne

_ONE = "(?P<row_id>[^/]+)"

urlpatterns = [
    re_path(r"^alerts/?$", Alerts.as_view()),
    re_path(r"^alerts/deliveries/?$", Deliveries.as_view()),
    re_path(r"^alerts/channels/?$", ChannelList.as_view()),
    re_path(rf"^alerts/channels/{_ONE}/?$", ChannelOne.as_view()),
    re_path(rf"^alerts/channels/{_ONE}/test/?$", ChannelTest.as_view()),
    *(re_path(rf"^alerts/{kind.name}/?$", KindList.as_view(about=kind)) for kind in (RULES, SILENCES)),
    *(re_path(rf"^alerts/{kind.name}/{_ONE}/?$", KindOne.as_view(about=kind)) for kind in (RULES, SILENCES)),
]
