"""Forms of the entities, made from the fields of ``proxy_engine.spec``: no rule, default or help is written here."""

from .entity import EntityForm
from .hints import hints

__all__ = ["EntityForm", "hints"]
