"""``tags__has_item="team-a"``: does a JSON list hold this text? ``containing``: does a column have it somewhere?"""

import json

from django.db.models import JSONField, Lookup, Q, TextField
from django.db.models.functions import Cast


def containing(column: str, text: str) -> Q:
    """Rows whose ``column`` has ``text`` somewhere; for JSON columns annotate ``as_text(column)`` before."""
    found = Q(**{f"{column}__icontains": text})
    escaped = json.dumps(text)[1:-1]  # SQLite keeps JSON as written by Python, with é as \u00e9; PostgreSQL keeps é
    return found if escaped == text else found | Q(**{f"{column}__icontains": escaped})


def as_text(column: str) -> Cast:
    return Cast(column, TextField())


@JSONField.register_lookup
class HasItem(Lookup):
    lookup_name = "has_item"
    prepare_rhs = False

    def get_db_prep_lookup(self, value, connection):
        return "%s", [str(value)]

    def as_sqlite(self, compiler, connection):
        column, column_params = self.process_lhs(compiler, connection)
        item, item_params = self.process_rhs(compiler, connection)
        found = f"EXISTS (SELECT 1 FROM json_each({column}) WHERE json_each.value = {item})"
        return found, [*column_params, *item_params]

    def as_postgresql(self, compiler, connection):
        column, column_params = self.process_lhs(compiler, connection)
        item, item_params = self.process_rhs(compiler, connection)
        return f"{column} @> to_jsonb({item}::text)", [*column_params, *item_params]
