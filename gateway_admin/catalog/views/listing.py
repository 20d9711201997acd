"""A list as its URL asks for it: ``?q=text&tag=…&<choice>=…&sort=-updated&page=2&size=50``.

A URL is shared, bookmarked and edited by hand, so what it says wrong (a page too far, an unknown sort) falls back to
what is right instead of failing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.http import QueryDict

from gateway_admin.common.lookups import as_text, containing

from .page_shape import Choices, Pages, order

SIZES = (25, 50, 100, 200)
LONGEST_TEXT = 200  # characters; SQLite refuses LIKE patterns that are much longer


@dataclass(frozen=True)
class ShownChoices:
    name: str
    label: str
    choices: list[tuple[str, str]]
    value: str


@dataclass(frozen=True)
class Listing:
    pages: Pages
    query: QueryDict

    sizes = SIZES

    @cached_property
    def text(self) -> str:
        return self._param("q").strip()

    @cached_property
    def tag(self) -> str:
        return self._param("tag")

    @cached_property
    def sort(self) -> str:
        return self.sort_given or next(iter(self.pages.sorts))

    @cached_property
    def sort_given(self) -> str:
        name = self._param("sort")
        return name if name.removeprefix("-") in self.pages.sorts else ""

    @cached_property
    def size_given(self) -> int | None:
        size = self._param("size")
        return int(size) if size.isdecimal() and int(size) in SIZES else None

    @cached_property
    def filters(self) -> list[ShownChoices]:
        return [
            ShownChoices(
                choices.name,
                choices.label,
                [(value, label) for value, (label, _) in choices.conditions.items()],
                self._chosen(choices),
            )
            for choices in self.pages.choices
        ]

    @cached_property
    def page(self) -> Page:
        ordered = self._narrowed(self.pages.rows()).order_by(*order(self.pages, self.sort))
        return Paginator(ordered, self.size_given or SIZES[0]).get_page(self._param("page"))

    @cached_property
    def rows(self) -> list:
        rows = list(self.page.object_list)
        self.pages.dress(rows)
        return rows

    @property
    def is_narrowed(self) -> bool:
        return bool(self.text or self.tag or any(shown.value for shown in self.filters))

    @cached_property
    def has_any(self) -> bool:
        """Whether there is anything to search in."""
        return bool(self.rows) or (self.is_narrowed and self.pages.model.objects.exists())

    @property
    def narrowing(self) -> str:
        """What the list is narrowed to, in words."""
        parts = [f"“{self.text}”"] if self.text else []
        parts += [f"tag {self.tag}"] if self.tag else []
        parts += [dict(shown.choices)[shown.value] for shown in self.filters if shown.value]
        return "Looked for " + ", ".join(parts) + "."

    def _param(self, name: str) -> str:
        return self.query.get(name, "").replace("\x00", "")[:LONGEST_TEXT]

    def _chosen(self, choices: Choices) -> str:
        value = self._param(choices.name)
        return value if value in choices.conditions else ""

    def _narrowed(self, rows: QuerySet) -> QuerySet:
        for choices in self.pages.choices:
            if value := self._chosen(choices):
                rows = rows.filter(choices.conditions[value][1])
        if self.tag:
            rows = rows.filter(tags__has_item=self.tag)
        return search(rows, self.pages, self.text) if self.text else rows


def search(rows: QuerySet, pages: Pages, text: str) -> QuerySet:
    """Rows in which one of the searched columns, or what belongs to the row, contains the text."""
    columns = {column: f"{column}_text".replace("__", "_") for column in pages.search}
    found = Q()
    for alias in columns.values():
        found |= containing(alias, text)
    if pages.search_also:
        found |= pages.search_also(text)
    return rows.alias(**{alias: as_text(column) for column, alias in columns.items()}).filter(found)
