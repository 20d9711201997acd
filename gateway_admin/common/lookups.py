"""``tags__has_item="team-a"``: does a JSON list hold this text?"""

from django.db.models import JSONField, Lookup


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
