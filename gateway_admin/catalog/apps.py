from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "gateway_admin.catalog"
