"""Addresses of the dashboard's pages about the running system, below ``/admin-ui/``."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.overview, name="overview"),
    path("targets/<uuid:target_id>/mark/", views.mark_target, name="target-mark"),
    path("versions/<int:version>/", views.version_live, name="version-live"),
]
