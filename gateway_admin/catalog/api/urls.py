"""Addresses of REST, below ``/api/``. A closing slash is accepted everywhere and needed nowhere."""

from django.urls import path, re_path

from . import versions
from .changes import Changes
from .docs import Document, docs
from .explain import Explain
from .views import VIEW_SETS, TargetsOfUpstream

COLLECTION = {"get": "list", "post": "create"}
ENTITY = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}


def entity_urls(prefix: str, view_set) -> list:
    return [
        re_path(rf"^{prefix}/?$", view_set.as_view(COLLECTION)),
        re_path(rf"^{prefix}/(?P<key>[^/]+)/?$", view_set.as_view(ENTITY)),
    ]


urlpatterns = [
    *[url for kind, view_set in VIEW_SETS.items() for url in entity_urls(kind, view_set)],
    *entity_urls("upstreams/(?P<upstream>[^/]+)/targets", TargetsOfUpstream),
    re_path(r"^changes/?$", Changes.as_view()),
    re_path(r"^explain/?$", Explain.as_view()),
    re_path(r"^config/versions/?$", versions.head),
    path("config/versions/<int:version>", versions.version_state),
    path("config/versions/<int:version>/", versions.version_state),
    re_path(r"^schema/?$", Document.as_view(), name="api-schema"),
    re_path(r"^docs/?$", docs, name="api-docs"),
]
