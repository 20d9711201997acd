"""The addresses of the dialect, all from the table. A closing slash is accepted everywhere and needed nowhere."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from django.urls import URLPattern, re_path

from . import health_views, node, schemas, tags, target_views
from .entities import ENDPOINTS, links
from .entity_views import Referenced
from .node import Node
from .special_views import collection, single
from .views import Nowhere, answer


class Address(NamedTuple):
    """``path`` as ``/endpoints`` tells it: ``/services/{services}/routes``."""

    path: str
    view: Callable

    def pattern(self) -> URLPattern:
        regex = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path.strip("/"))
        return re_path(rf"^{regex}/?\Z" if regex else r"^\Z", self.view)


class Endpoints(Node):
    def get(self, request):
        return answer({"data": sorted((address.path for address in ADDRESSES), key=lambda path: path.split("/"))})


def _at_the_root() -> Iterator[Address]:
    for kind, endpoint in ENDPOINTS.items():
        if endpoint.segment:
            yield Address(f"/{endpoint.segment}", collection(kind).as_view(kind=kind))
            yield Address(f"/{endpoint.segment}/{{{kind}}}", single(kind).as_view(kind=kind))


def _linked() -> Iterator[Address]:
    for link in links():
        parent, child = ENDPOINTS[link.parent], ENDPOINTS[link.child]
        below = f"/{parent.segment}/{{{link.parent}}}/{child.nested}"
        if child.segment:
            yield Address(below, collection(link.child).as_view(kind=link.child, link=link))
            yield Address(f"{below}/{{{link.child}}}", single(link.child).as_view(kind=link.child, link=link))
        if child.shows_parents:
            view = Referenced.as_view(kind=link.parent, child=link.child, field=link.field)
            yield Address(f"/{child.segment}/{{{link.child}}}/{link.field}", view)


def _of_upstreams() -> Iterator[Address]:
    upstream, link = "/upstreams/{upstreams}", target_views.OF_UPSTREAM
    target = f"{upstream}/targets/{{targets}}"
    yield Address(f"{upstream}/health", health_views.Health.as_view())
    yield Address(f"{upstream}/targets", target_views.Targets.as_view(kind="targets", link=link))
    yield Address(f"{upstream}/targets/all", target_views.AllTargets.as_view(kind="targets", link=link))
    yield Address(target, target_views.OneTarget.as_view(kind="targets", link=link))
    for word in ("healthy", "unhealthy"):
        mark = health_views.Mark.as_view(healthy=word == "healthy")
        yield Address(f"{target}/{word}", mark)
        yield Address(f"{target}/{{address}}/{word}", mark)


def _of_the_node() -> Iterator[Address]:
    yield Address("/", node.Root.as_view())
    yield Address("/config", node.Config.as_view())
    yield Address("/endpoints", Endpoints.as_view())
    yield Address("/status", node.Status.as_view())
    yield Address("/tags", tags.Tags.as_view())
    yield Address("/tags/{tags}", tags.Tags.as_view())
    yield Address("/plugins/enabled", node.EnabledPlugins.as_view())
    yield Address("/plugins/schema/{plugin}", schemas.PluginConfigSchema.as_view())
    yield Address("/schemas/plugins/validate", schemas.Validate.as_view())
    yield Address("/schemas/plugins/{plugin}", schemas.PluginSchema.as_view())
    yield Address("/schemas/{entity}", schemas.Schema.as_view())
    yield Address("/schemas/{entity}/validate", schemas.Validate.as_view())


# Fixed words come before what could be a name: /plugins/enabled is no plugin.
ADDRESSES = [*_of_the_node(), *_of_upstreams(), *_at_the_root(), *_linked()]
OTHERS = r"^(?!admin-ui(?:/|\Z)|api(?:/|\Z)|static/|ws(?:/|\Z))"

urlpatterns = [
    *[address.pattern() for address in ADDRESSES],
    re_path(OTHERS, Nowhere.as_view()),
]
