from django.apps import AppConfig


class KongApiConfig(AppConfig):
    name = "gateway_admin.kong_api"
