"""Columns that follow from another one: there to find and to sort by, and no part of an entity's values."""


class Derived:
    """Before a class of fields. Follows the column ``of``; saved whenever that one is."""

    def __init__(self, *args, of: str, **kwargs):
        super().__init__(*args, **{"editable": False} | kwargs)
        self.of = of

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, kwargs | {"of": self.of}

    def derive(self, value):
        raise NotImplementedError

    def pre_save(self, model_instance, add):
        source = getattr(model_instance, self.of)
        value = None if source is None else self.derive(source)
        setattr(model_instance, self.attname, value)
        return value
