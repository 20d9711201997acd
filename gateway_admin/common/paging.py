"""``page`` and ``limit``, or ``offset`` and ``limit``. What is out of range is an error, a page too far is empty."""

from dataclasses import dataclass

from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
NEAR = 500  # rows that are skipped one by one
MAX_OFFSET = 10**9  # a database's integer, and more rows than anybody has


@dataclass(frozen=True)
class Page:
    limit: int
    offset: int

    @classmethod
    def asked(cls, query) -> "Page":
        problems: dict[str, list[str]] = {}
        limit = _number(query, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT, problems)
        page = _number(query, "page", 1, 1, MAX_OFFSET // MAX_LIMIT, problems)
        offset = _number(query, "offset", 0, 0, MAX_OFFSET, problems)
        if "page" in query and "offset" in query:
            problems["offset"] = ["give page or offset, not both"]
        if problems:
            raise ValidationError(problems)
        return cls(limit, offset if "offset" in query else (page - 1) * limit)

    def cut(self, rows: QuerySet) -> tuple[list, dict]:
        """The rows of the page, and ``meta.pagination``. Two statements, three for pages further on."""
        total = rows.count()
        found = self._rows(rows, total) if self.offset < total else []
        pages = -(-total // self.limit)
        page = self.offset // self.limit + 1
        return found, {"page": page, "limit": self.limit, "offset": self.offset, "total": total, "totalPages": pages}

    def _rows(self, rows: QuerySet, total: int) -> list:
        """Further on, ids first: rows that are skipped are then steps in an index, not rows that are read. Counted from
        the nearer end, so that the last page costs what the first does."""
        end = min(self.offset + self.limit, total)
        if self.offset < NEAR:
            return list(rows[self.offset : end])
        keys = rows.values_list("pk", flat=True)
        if self.offset > total // 2:
            keys = list(keys.reverse()[total - end : total - self.offset])[::-1]
        else:
            keys = list(keys[self.offset : end])
        found = {row.pk: row for row in rows.order_by().filter(pk__in=keys)}
        return [found[key] for key in keys if key in found]


def _number(query, name: str, default: int, low: int, high: int, problems: dict) -> int:
    text = query.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdecimal() and len(text) <= len(str(high)) and low <= int(text) <= high:
        return int(text)
    problems[name] = [f"expected an integer between {low} and {high}"]
    return default
