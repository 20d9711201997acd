"""Addresses of the dashboard's pages of entities, below ``/admin-ui/``."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from .views import details, drains, edits, files, history, lists, notes, plugins, targets
from .views.pages import PAGES


class KindConverter(StringConverter):
    regex = "|".join(PAGES)


register_converter(KindConverter, "kind")

urlpatterns = [
    path("history/", history.history, name="history"),
    path("history/<int:version>/undo/", history.undo, name="history-undo"),
    path("history/<int:version>/back/", history.go_back, name="history-back"),
    path("config/", files.config_file, name="config-file"),
    path("config/export/", files.export, name="config-export"),
    path("config/import/", files.upload, name="config-import"),
    path("config/import/<slug:name>/", files.import_preview, name="config-preview"),
    path("search/", lists.search_all, name="search"),
    path("services/destination/", notes.host_note, name="host-note"),
    path("<kind:owner_kind>/<uuid:owner_id>/<kind:kind>/new/", edits.create_owned, name="owned-new"),
    path("upstreams/<uuid:upstream_id>/weights/", targets.set_weights, name="upstream-weights"),
    path("targets/<uuid:target_id>/enable/", targets.switch, {"enabled": True}, name="target-enable"),
    path("targets/<uuid:target_id>/disable/", targets.switch, {"enabled": False}, name="target-disable"),
    path("plugins/new/", plugins.new, name="plugin-new"),
    path("plugins/<uuid:plugin_id>/enable/", plugins.switch, {"enabled": True}, name="plugin-enable"),
    path("plugins/<uuid:plugin_id>/disable/", plugins.switch, {"enabled": False}, name="plugin-disable"),
    path("targets/drain/", drains.drain, name="targets-drain"),
    path("targets/<uuid:target_id>/undrain/", drains.undrain, name="target-undrain"),
    path("<kind:kind>/", lists.entity_list, name="entity-list"),
    path("<kind:kind>/names/", notes.names, name="names"),
    path("<kind:kind>/new/", edits.create, name="entity-new"),
    path("<kind:kind>/delete/", lists.bulk_delete, name="entity-bulk-delete"),
    path("<kind:kind>/<uuid:entity_id>/", details.entity, name="entity"),
    path("<kind:kind>/<uuid:entity_id>/edit/", edits.edit, name="entity-edit"),
    path("<kind:kind>/<uuid:entity_id>/delete/", edits.delete, name="entity-delete"),
    path("<kind:kind>/<uuid:entity_id>/<slug:slug>/", details.entity, name="entity-tab"),
]
