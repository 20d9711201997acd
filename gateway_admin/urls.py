"""Where things are: the dashboard at /admin-ui/, REST at /api/, our own health at /healthz and /readyz.

Metrics are at /metrics, everything else is Kong's dialect at the root.
"""

from django.urls import include, path, re_path

from gateway_admin.common.envelope import not_found
from gateway_admin.common.health import healthz, readyz
from gateway_admin.common.hosts import refused
from gateway_admin.metrics.views import Metrics

urlpatterns = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", Metrics.as_view()),
    path("admin-ui/", include("gateway_admin.accounts.urls")),
    # Before the catalog's: it has a tab on the pages of entities.
    path("admin-ui/", include("gateway_admin.monitoring.urls")),
    path("admin-ui/", include("gateway_admin.catalog.urls")),
    path("admin-ui/", include("gateway_admin.alerts.urls")),
    path("api/", include("gateway_admin.catalog.api.urls")),
    path("api/", include("gateway_admin.monitoring.api.urls")),
    path("api/", include("gateway_admin.alerts.api.urls")),
    path("api/", include("gateway_admin.accounts.api.urls")),
    re_path(r"^api(/|$)", not_found),
    path("", include("gateway_admin.kong_api.urls")),
]

handler400 = refused
