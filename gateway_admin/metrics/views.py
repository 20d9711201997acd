"""``GET /metrics``, for whoever may read; where Kong's Admin API has them when its Prometheus plugin is on."""

from django.http import HttpResponse
from rest_framework.views import APIView

from proxy_engine.telemetry import exposition

from .families import families


class Metrics(APIView):
    http_method_names = ["get", "head"]
    kind = None
    schema = None  # no JSON: docs/metrics.md is its document

    def get(self, request):
        body = exposition.render(families())
        return HttpResponse(body, exposition.CONTENT_TYPE, headers={"Cache-Control": "no-store"})
