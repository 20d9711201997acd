"""What a kind needs to have pages: the shape of the rows of the table in ``pages``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import F, Q, QuerySet

from gateway_admin.catalog.kinds import KINDS


@dataclass(frozen=True)
class Tab:
    slug: str  # "" = the entity's page itself
    title: str
    template: str


@dataclass(frozen=True)
class Choices:
    """A select above a list. ``conditions``: value → (label, condition)."""

    name: str
    label: str
    conditions: dict[str, tuple[str, Q]]


def one_of(name: str, label: str, values) -> Choices:
    return Choices(name, label, {value: (value, Q(**{name: value})) for value in values})


@dataclass(frozen=True)
class Pages:
    """The pages of one kind. ``sorts``: name in the URL → what to order by; the first is the default.

    ``group``: under which it stands in the bar on the left; "" where it is found through its owner only. ``owner``: the
    reference field to what it belongs to, on whose page it is looked at.
    """

    kind: str
    says: str  # what they are, beside the title of the list
    purpose: str  # why one wants the first one, on the empty list
    search: tuple[str, ...]  # columns; JSON columns are searched as text
    search_hint: str
    sorts: dict[str, str]
    choices: tuple[Choices, ...]
    tabs: tuple[Tab, ...]
    table: str
    rows: Callable[[], QuerySet]
    dress: Callable[[list], None] = lambda rows: None  # what a page of rows needs beyond its columns
    search_also: Callable[[str], Q] | None = None  # what no column of the row says
    many: str = ""  # several of them, in a sentence; the kind's own name where that is a word
    group: str = ""
    owner: str = ""
    owner_tab: str = ""  # the tab of the owner's page that shows them
    facts: str = ""  # the template of the line under the title; by the label where empty
    may_clone: bool = False

    def __post_init__(self):
        object.__setattr__(self, "many", self.many or self.kind)
        object.__setattr__(self, "facts", self.facts or f"catalog/_{self.label}_facts.html")

    @property
    def title(self) -> str:
        return self.many[0].upper() + self.many[1:]

    @property
    def label(self) -> str:
        return KINDS[self.kind].label

    @property
    def model(self):
        return KINDS[self.kind].model

    @property
    def owner_kind(self) -> str:
        return KINDS[self.kind].references.get(self.owner, "")

    @property
    def section(self) -> str:
        """Which entry of the bar they belong to."""
        return self.kind if self.group else self.owner_kind

    def tab(self, slug: str) -> Tab | None:
        return next((tab for tab in self.tabs if tab.slug == slug), None)


SETTINGS = Tab("", "Settings", "catalog/tabs/_settings.html")
CONFIGURATION = Tab("configuration", "Configuration", "catalog/tabs/_configuration.html")
HISTORY = Tab("history", "History", "catalog/tabs/_history.html")
TIMELINE = Tab("timeline", "Timeline", "monitoring/tabs/_timeline.html")  # served by ``monitoring``, which knows it
PLUGINS = Tab("plugins", "Plugins", "catalog/tabs/_plugins.html")


def order(pages: Pages, name: str) -> list:
    """``-routes`` → descending by the expression of "routes". Unnamed rows come last; the id makes pages stable."""
    expression = F(pages.sorts[name.removeprefix("-")])
    ordered = expression.desc(nulls_last=True) if name.startswith("-") else expression.asc(nulls_last=True)
    return [ordered, F("pk").asc()]
