"""Addresses of the dashboard's pages about the running system, below ``/admin-ui/``."""

from django.urls import path

from . import timeline, views

urlpatterns = [
    path("", views.overview, name="overview"),
    path("targets/<uuid:target_id>/mark/", views.mark_target, name="target-mark"),
    path("upstreams/<uuid:upstream_id>/timeline/", timeline.of_upstream, name="upstream-timeline"),
    path("targets/<uuid:target_id>/timeline/", timeline.of_target, name="target-timeline"),
    path("versions/<int:version>/", views.version_live, name="version-live"),
]
