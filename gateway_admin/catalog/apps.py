from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "gateway_admin.catalog"

    def ready(self):
        from . import checks  # noqa: F401 - registers them
