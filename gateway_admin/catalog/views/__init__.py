"""The dashboard's pages of the entities: one set of views for all kinds, told apart by the table in ``pages``."""
