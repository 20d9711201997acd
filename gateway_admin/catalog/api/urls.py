"""Addresses of REST, below ``/api/``. A closing slash is accepted everywhere and needed nowhere."""

from django.urls import path, re_path

from . import configuration, versions
from .changes import Changes
from .credentials import Credentials
from .docs import Document, docs
from .explain import Explain
from .views import VIEW_SETS, Targets, TargetsOfUpstream

COLLECTION = {"get": "list", "post": "create"}
ENTITY = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
DRAIN = {"post": "drain", "delete": "undrain"}
BULK = {"post": "bulk"}  # who calls an entity "bulk" has to find it by its id


def entity_urls(prefix: str, view_set) -> list:
    return [
        re_path(rf"^{prefix}/?$", view_set.as_view(COLLECTION)),
        re_path(rf"^{prefix}/bulk/?$", view_set.as_view(BULK)),
        re_path(rf"^{prefix}/(?P<key>[^/]+)/?$", view_set.as_view(ENTITY)),
    ]


def drain_url(prefix: str, view_set) -> list:
    return [re_path(rf"^{prefix}/(?P<key>[^/]+)/drain/?$", view_set.as_view(DRAIN))]


OF_UPSTREAM = "upstreams/(?P<upstream>[^/]+)/targets"

urlpatterns = [
    *[url for kind, view_set in VIEW_SETS.items() for url in entity_urls(kind, view_set)],
    re_path(r"^credentials/?$", Credentials.as_view(COLLECTION)),
    re_path(r"^credentials/(?P<key>[^/]+)/?$", Credentials.as_view(ENTITY)),
    *entity_urls(OF_UPSTREAM, TargetsOfUpstream),
    *drain_url(OF_UPSTREAM, TargetsOfUpstream),
    *drain_url("targets", Targets),
    re_path(r"^changes/?$", Changes.as_view()),
    re_path(r"^explain/?$", Explain.as_view()),
    re_path(r"^config/versions/?$", versions.head),
    path("config/versions/<int:version>", versions.version_state),
    path("config/versions/<int:version>/", versions.version_state),
    re_path(r"^changes/(?P<version>[0-9]{1,18})/undo/?$", configuration.Undo.as_view()),
    re_path(r"^config/export/?$", configuration.Export.as_view()),
    re_path(r"^config/validate/?$", configuration.Validate.as_view()),
    re_path(r"^config/diff/?$", configuration.Diff.as_view()),
    re_path(r"^config/import/?$", configuration.Import.as_view()),
    re_path(r"^config/versions/(?P<version>[0-9]{1,18})/entities/?$", configuration.EntitiesAt.as_view()),
    re_path(r"^config/versions/(?P<version>[0-9]{1,18})/diff/?$", configuration.DiffAt.as_view()),
    re_path(r"^config/versions/(?P<version>[0-9]{1,18})/rollback/?$", configuration.Rollback.as_view()),
    re_path(r"^schema/?$", Document.as_view(), name="api-schema"),
    re_path(r"^docs/?$", docs, name="api-docs"),
]
