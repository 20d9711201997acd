"""``/schemas``: what the fields are, and whether an entity would be accepted. deck takes its defaults from here."""

from proxy_engine import spec
from proxy_engine.spec.publish import kong_plugin_schema, kong_schema

from . import errors, reading
from .entities import ENDPOINTS
from .refusals import refusal
from .views import ONLY_READS, KongView, answer


class Described(KongView):
    asks = ONLY_READS


class Schema(Described):
    def get(self, request, entity):
        return answer(kong_schema(kind_of(entity)))


class PluginSchema(Described):
    def get(self, request, plugin):
        if plugin not in spec.PLUGINS:
            raise errors.plain(404, f"No plugin named '{spec.schema.shown_name(plugin)}'")
        return answer(self.part(kong_plugin_schema(plugin)))

    def part(self, schema: dict) -> dict:
        return schema


class PluginConfigSchema(PluginSchema):
    """``/plugins/schema/{name}``, as older clients ask."""

    def part(self, schema: dict) -> dict:
        return next(field["config"] for field in schema["fields"] if "config" in field)


class Validate(Described):
    """Nothing is stored and nothing looked up: what an entity refers to need not exist yet."""

    def post(self, request, entity="plugins"):
        kind, body = kind_of(entity), self.given
        values, problems = reading.judged(kind, body._replace(values=_without_strays(kind, body.values)))
        if problems:
            raise refusal(kind, problems, values)
        return answer({"message": "schema validation successful"})


def kind_of(entity: str) -> str:
    """deck asks for some kinds in the singular when it strips defaults, and gives up on a 404."""
    found = next((kind for kind in (entity, f"{entity}s") if kind in ENDPOINTS), None)
    if found is None:
        raise errors.plain(404, f"No entity named '{spec.schema.shown_name(entity)}'")
    return found


def _without_strays(kind: str, values: dict) -> dict:
    """deck sends a flag of its own along with each password."""
    return {name: value for name, value in values.items() if (kind, name) != ("basicauth_credentials", "SkipHash")}
