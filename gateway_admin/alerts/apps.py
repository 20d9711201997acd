from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "gateway_admin.alerts"
