"""Where things are: the dashboard at /admin-ui/, REST at /api/, our own health at /healthz and /readyz."""

from django.urls import include, path, re_path
from django.views.generic import RedirectView

from gateway_admin.common.envelope import not_found
from gateway_admin.common.health import healthz, readyz

urlpatterns = [
    path("", RedirectView.as_view(url="/admin-ui/")),
    path("healthz", healthz),
    path("readyz", readyz),
    path("admin-ui/", include("gateway_admin.accounts.urls")),
    path("admin-ui/", include("gateway_admin.catalog.urls")),
    path("admin-ui/", include("gateway_admin.monitoring.urls")),
    path("api/", include("gateway_admin.catalog.api.urls")),
    path("api/", include("gateway_admin.monitoring.api.urls")),
    re_path(r"^api(/|$)", not_found),
]
