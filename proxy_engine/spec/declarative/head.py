"""What a file says of itself: format, tags, defaults, shared plugin settings; and what that does to its entities."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy_engine.spec import entities, scalars
from proxy_engine.spec.schema import MAX_NAME, Problem, shown_name

from .nesting import Found

FORMAT_VERSIONS = ("1.1", "2.1", "3.0")

MOST_SHARED_NODES = 500_000  # of all uses together

_INFO = (
    "select_tags", "default_lookup_tags", "defaults", "consumer_group_policy_overrides", "skip_hash_for_basic_auth",
    "include_plugin_definitions",
)  # fmt: skip
_NEVER_BY_DEFAULT = ("id", "name", "target")
_LOOKS_LIKE_REGEX = re.compile(r"[^A-Za-z0-9._~/%-]")


class _Budget:
    """What is written once and used often must not make a small file a large one."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, value: Any) -> bool:
        self.left -= _size(value)
        return self.left >= 0


def _size(value: Any) -> int:
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return 1 + sum(map(_size, inside))


@dataclass(frozen=True)
class Head:
    version: str
    transforms: bool = True  # False: passwords stand there as they are stored, as hashes
    select_tags: tuple[str, ...] = ()
    defaults: Mapping[str, Mapping] = field(default_factory=dict)  # by kind
    plugin_configs: Mapping[str, Mapping] = field(default_factory=dict)
    budget: _Budget = field(default_factory=lambda: _Budget(MOST_SHARED_NODES))

    def applied(self, item: Found, problems: list[Problem]) -> dict[str, Any]:
        """The entity's values with shorthands, defaults and tags of the file; foreign keys still as written."""
        values = dict(item.values)
        if item.kind == "services" and "url" in values:
            expanded = entities.expand(item.kind, {"url": values.pop("url")})
            problems.extend(Problem((*item.path, *problem.path), problem.message) for problem in expanded.problems)
            values = expanded.values | values
        if item.kind == "plugins":
            self._share_config(item, values, problems)
        if (own := self.defaults.get(item.kind)) and self._affords(own, item, problems):
            values = entities.merge(item.kind, own, values)
        if self.version != "3.0" and isinstance(values.get("paths"), list):
            values["paths"] = [_path_of_old_format(path) for path in values["paths"]]
        self._tag(values)
        return values

    def _share_config(self, item: Found, values: dict[str, Any], problems: list[Problem]) -> None:
        name = values.pop("_config", None)
        if name is None:
            return
        shared = self.plugin_configs.get(name) if isinstance(name, str) else None
        if shared is None:
            problems.append(Problem((*item.path, "_config"), "names none of the _plugin_configs"))
            return
        if not self._affords(shared, item, problems):
            return
        own = values.get("config")
        values["config"] = merged(shared, own if own is not None else {})

    def _affords(self, shared: Mapping, item: Found, problems: list[Problem]) -> bool:
        if affords := self.budget.take(shared):
            return affords
        problems.append(Problem(item.path, "the shared settings make the file grow too large"))
        return False

    def _tag(self, values: dict[str, Any]) -> None:
        tags = values.get("tags")
        if self.select_tags and (tags is None or isinstance(tags, list)):
            values["tags"] = [*(tags or []), *self.select_tags]


def merged(shared: Any, own: Any) -> Any:
    """Own values win, nested mappings are merged."""
    if not isinstance(shared, Mapping) or not isinstance(own, Mapping):
        return own
    return {**shared, **{name: merged(shared.get(name), value) for name, value in own.items()}}


def _path_of_old_format(path: Any) -> Any:
    is_regex = isinstance(path, str) and not path.startswith("~") and _LOOKS_LIKE_REGEX.search(path)
    return f"~{path}" if is_regex else path


# -- reading ----------------------------------------------------------------------------------------------------------


def read(document: Mapping, given_tags: tuple[str, ...], problems: list[Problem]) -> Head | None:
    """None where nothing else can be understood."""
    version = document.get("_format_version")
    if version not in FORMAT_VERSIONS or not isinstance(version, str):
        text = f"expected one of: {', '.join(FORMAT_VERSIONS)} (in quotes)"
        problems.append(Problem(("_format_version",), text))
        return None
    transform = document.get("_transform")
    if not (transform is None or isinstance(transform, bool)):
        problems.append(Problem(("_transform",), "expected a boolean"))
    if document.get("_workspace") not in (None, "default"):
        problems.append(Problem(("_workspace",), "there is one workspace only, default"))
    info = _record(document, ("_info",), problems)
    for name in info.keys() - set(_INFO):
        problems.append(Problem(("_info", shown_name(name)), "unknown field", "unknown"))
    return Head(
        version,
        transforms=transform is not False,
        select_tags=_select_tags(info, given_tags, problems),
        defaults=_defaults(info, problems),
        plugin_configs=_plugin_configs(document, problems),
    )


def _record(values: Mapping, path: tuple, problems: list[Problem]) -> Mapping:
    value = values.get(path[-1])
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    problems.append(Problem(path, "expected a record"))
    return {}


def _select_tags(info: Mapping, given: tuple[str, ...], problems: list[Problem]) -> tuple[str, ...]:
    tags, path = info.get("select_tags"), ("_info", "select_tags")
    if tags is None:
        tags = list(given)
    elif not isinstance(tags, list):
        problems.append(Problem(path, "expected an array"))
        return ()
    wrong = [Problem((*path, n), message) for n, tag in enumerate(tags) if (message := tag_problem(tag))]
    if not wrong and given and set(given) != set(tags):
        wrong = [Problem(path, f"are not the tags that were asked for: {', '.join(given)}")]
    problems += wrong
    return () if wrong else tuple(dict.fromkeys(tags))


def tag_problem(tag: Any) -> str | None:
    if not isinstance(tag, str) or not 0 < len(tag) <= MAX_NAME:
        return f"expected a string of 1 to {MAX_NAME} characters"
    return "must not contain control characters" if scalars.UNCLEAN.search(tag) else scalars.tag(tag)


def _defaults(info: Mapping, problems: list[Problem]) -> dict[str, Mapping]:
    kinds = {entity.label.replace(" ", "_"): kind for kind, entity in entities.KINDS.items()}
    found = {}
    for label, values in _record(info, ("_info", "defaults"), problems).items():
        path = ("_info", "defaults", shown_name(label))
        if label not in kinds or not isinstance(values, Mapping):
            problems.append(Problem(path, "expected the fields of one kind, such as service"))
            continue
        for name in _NEVER_BY_DEFAULT:
            if name in values:
                problems.append(Problem((*path, name), "cannot be the same for all"))
        found[kinds[label]] = values
    return found


def _plugin_configs(document: Mapping, problems: list[Problem]) -> dict[str, Mapping]:
    configs = _record(document, ("_plugin_configs",), problems)
    for name, config in configs.items():
        if not isinstance(config, Mapping):
            problems.append(Problem(("_plugin_configs", shown_name(name)), "expected a record"))
    return {name: config for name, config in configs.items() if isinstance(config, Mapping)}
