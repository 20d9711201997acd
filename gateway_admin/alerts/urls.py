"""Addresses of the dashboard's pages of alerts, below ``/admin-ui/``."""

from django.urls import path

from .kinds import KINDS
from .views import board, lists
from .views.forms import views_of

urlpatterns = [
    path("alerts/", board.alert_board, name="alerts"),
    path("alerts/rules/", lists.rule_list, name="alert-rules"),
    path("alerts/rules/usual/", lists.make_usual, name="alert-rules-usual"),
    path("alerts/channels/", lists.channel_list, name="alert-channels"),
    path("alerts/channels/<uuid:row_id>/test/", lists.test, name="alert-channels-test"),
    path("alerts/silences/", lists.silence_list, name="alert-silences"),
    path("alerts/deliveries/", lists.delivery_list, name="alert-deliveries"),
    path("alerts/deliveries/<uuid:row_id>/again/", lists.send_again, name="alert-deliveries-again"),
]
for kind in KINDS.values():
    place, about, views = f"alerts/{kind.name}", {"kind": kind}, views_of(kind)
    urlpatterns += [
        path(f"{place}/new/", views["new"], about, name=f"alert-{kind.name}-new"),
        path(f"{place}/<uuid:row_id>/edit/", views["edit"], about, name=f"alert-{kind.name}-edit"),
        path(f"{place}/<uuid:row_id>/delete/", views["delete"], about, name=f"alert-{kind.name}-delete"),
    ]
