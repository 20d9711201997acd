from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "gateway_admin.monitoring"

    def ready(self):
        from gateway_admin.catalog.changes import ACCOMPANIED

        from .newcomers import hold_back

        ACCOMPANIED.append(hold_back)
