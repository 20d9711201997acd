from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "gateway_admin.monitoring"
