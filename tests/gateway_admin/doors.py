"""Every address of the control plane and the rule that stands at it, read from the URL configuration itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, get_resolver
from django.utils.regex_helper import normalize

from gateway_admin.common.permissions import FROM_URL, Permitted, action_of
from gateway_admin.common.roles import ENTITIES, RULES
from proxy_engine import spec

UNKNOWN = "0b5f8a4e-8d5c-4e0f-9a53-2d7b8f3f6c11"  # nobody has this id, so that whoever may ask changes nothing
ARGUMENTS = {"kind": "services", "owner_kind": "upstreams", "slug": "history", "version": "1"}
ARGUMENTS |= {"user_id": "999999", "token_id": "999999"}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Door:
    address: str
    view: Any

    @property
    def is_guarded(self) -> bool:
        cls = getattr(self.view, "cls", None)
        return hasattr(self.view, "permission") or Permitted in getattr(cls, "permission_classes", ())

    def rules(self) -> dict[str, tuple[str, str | None]]:
        """Method → (action, kind), of the methods that it has."""
        if not self.is_guarded:
            return {}
        if hasattr(self.view, "permission"):
            action, kind = self.view.permission
            asked = (action, ARGUMENTS["kind"] if kind is FROM_URL else kind)
            return dict.fromkeys(("GET", "POST"), asked)
        cls = self.view.cls
        kind = self.view.initkwargs.get("kind", getattr(cls, "kind", ""))
        return {method: (action_of(cls, method), kind) for method in self._methods(cls)}

    def _methods(self, cls) -> list[str]:
        handled = getattr(self.view, "actions", None) or dir(cls)
        return [name for name in METHODS if name.lower() in handled and name.lower() in cls.http_method_names]

    @property
    def is_rest(self) -> bool:
        return not self.address.startswith("/admin-ui/")


def doors(patterns=None) -> list[Door]:
    patterns = get_resolver().url_patterns if patterns is None else patterns
    return [Door("/" + _filled(pattern), view) for pattern, view in _walk(patterns, "")]


def has_rule(action: str, kind: Any) -> bool:
    if isinstance(kind, property):  # told by the request; the view is asked then
        return True
    return (ENTITIES if kind in spec.KINDS else kind, action) in RULES


def _walk(patterns, prefix) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        whole = prefix + pattern.pattern.regex.pattern.lstrip("^")
        if isinstance(pattern, URLPattern):
            yield whole, pattern.callback
        else:
            yield from _walk(pattern.url_patterns, whole)


def _filled(regex: str) -> str:
    text, names = normalize(regex)[0]
    return text % {name: ARGUMENTS.get(name, UNKNOWN) for name in names}
