"""The floor under the Admin APIs: the same rows read and written by Django with nothing of ours but the models.

``daphne benchmarks.plain_django:application``. No middleware, no token, no check, no change log, no names of fields.
"""

import json
import os

import django
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_admin.settings")
settings.MIDDLEWARE = []
settings.ROOT_URLCONF = __name__
django.setup(set_prefix=False)

from django.core.asgi import get_asgi_application  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402

from gateway_admin.catalog.models import Service  # noqa: E402

PAGE = 100


def services(request):
    if request.method == "POST":
        made = Service.objects.create(**json.loads(request.body))
        return JsonResponse({"id": made.pk, "name": made.name}, status=201)
    return JsonResponse({"data": list(Service.objects.order_by("-created_at", "-pk").values()[:PAGE])})


urlpatterns = [path("services", services)]
application = get_asgi_application()
