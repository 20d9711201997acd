"""Addresses of REST about the running system, below ``/api/``. A closing slash is accepted and needed nowhere."""

from django.urls import re_path

from .views import Engines, HealthCheckLoad, HealthEvents, TargetHealth, TargetProbes, UpstreamHealth, UpstreamUptime

urlpatterns = [
    re_path(r"^upstreams/(?P<upstream>[^/]+)/health/?$", UpstreamHealth.as_view()),
    re_path(r"^upstreams/(?P<upstream>[^/]+)/uptime/?$", UpstreamUptime.as_view()),
    re_path(r"^targets/(?P<target>[^/]+)/probes/?$", TargetProbes.as_view()),
    re_path(r"^targets/(?P<target>[^/]+)/health/?$", TargetHealth.as_view()),
    re_path(r"^health-events/?$", HealthEvents.as_view()),
    re_path(r"^health-checks/?$", HealthCheckLoad.as_view()),
    re_path(r"^engines/?$", Engines.as_view()),
]
