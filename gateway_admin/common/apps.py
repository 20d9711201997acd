from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "gateway_admin.common"

    def ready(self):
        from . import lookups  # noqa: F401 - registers itself
