"""Which part may know which: the arrows of the design as data, checked against every import in the tree.

A layer may import the layers above its line in the list, never those below. Imports for annotations only
(``if TYPE_CHECKING:``) are no dependency. Outside libraries with a place of their own are at the end.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

FOLDER = Path(__file__).resolve().parent.parent

# Lowest first. Members of one line do not know each other. What is in EXCEPTIONS may be imported all the same.
ENGINE_LAYERS = [
    {"errors"},
    {"spec"},
    {"http", "net"},
    {"sources", "settings"},
    {"health", "file_source"},
    {"routing", "balancing", "telemetry"},
    {"runtime", "plugins", "upstream"},
    {"proxy"},
    {"server"},
    {"engine", "explain"},
    {"workers"},
    {"__main__"},
]
ADMIN_LAYERS = [
    {"common"},
    {"accounts"},
    {"catalog"},
    {"monitoring"},
    {"alerts"},
    {"kong_api", "metrics"},
    {"processes"},
    {"common.management"},  # commands wire everything; they stand in `common` only because Django wants an app
]
EXCEPTIONS = {
    ("proxy_engine.runtime", "upstream"),  # the compiled configuration holds the pools
    ("proxy_engine.runtime", "plugins"),  # and the plugin chains
}
# Django's own entry points: they may name any app, no app may name them.
PROJECT = {"settings": {"common"}, "celery": set(), "asgi": None, "urls": None, "server": set(), "": {"celery"}}

# Inside an app: views and REST, then forms, then actions and queries, then models.
SHELVES = [{"models"}, {"actions", "queries"}, {"forms"}, {"views", "api", "sockets", "tasks"}, {"urls"}]

# Outside libraries and the only places that may import them; everything else may not.
LIBRARIES = {
    "proxy_engine": {
        "django": [],
        "channels": [],
        "celery": [],
        "redis": [],
        "rest_framework": [],
        "aiohttp": ["proxy_engine.workers.status"],  # off the data path
        "prometheus_client": ["proxy_engine.telemetry.exposition"],  # off the data path, for both listeners
        "re2": ["proxy_engine.spec", "proxy_engine.routing"],
        "cryptography": ["proxy_engine.spec.pem"],  # loaded on first use: workers never need it
        "aiodns": ["proxy_engine.net.lookup"],
        "pycares": ["proxy_engine.net.lookup"],
    },
    "gateway_admin": {
        "honcho": ["gateway_admin.processes"],
        "psutil": ["gateway_admin.processes"],
        "prometheus_client": [],  # through proxy_engine.telemetry.exposition
        "proxy_engine.workers": ["gateway_admin.common.management"],
    },
}


class Import(NamedTuple):
    importer: str  # dotted module
    line: int
    name: str  # dotted, absolute

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.name}"


def imports_of(package: str) -> Iterator[Import]:
    for path in sorted((FOLDER / package).rglob("*.py")):
        parts = path.relative_to(FOLDER).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if is_package else parts)
        around = list(parts[:-1])
        for node in _run_time(ast.parse(path.read_text(encoding="utf-8"))):
            for name in _names(node, around):
                yield Import(module, node.lineno, name)


def _run_time(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import statement below ``node``, other than those for annotations only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        yield from _run_time(child)


def _names(node: ast.Import | ast.ImportFrom, around: list[str]) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = around[: len(around) - node.level + 1] if node.level else []
    base = [*base, *(node.module.split(".") if node.module else [])]
    return [".".join([*base, alias.name]) for alias in node.names]


def unit_of(name: str, package: str) -> str:
    """The part of the package that a module belongs to: its second segment."""
    rest = name.removeprefix(package).lstrip(".")
    return "common.management" if rest.startswith("common.management") else rest.partition(".")[0]


def layer_of(unit: str, layers: list[set[str]]) -> int:
    for number, layer in enumerate(layers):
        if unit in layer:
            return number
    raise AssertionError(f"{unit} has no place in the layers; give it one")


def against_the_layers(package: str, layers: list[set[str]]) -> Iterator[str]:
    for found in imports_of(package):
        if found.name.partition(".")[0] != package:
            continue
        importer, imported = unit_of(found.importer, package), unit_of(found.name, package)
        if importer == imported or (found.importer, imported) in EXCEPTIONS:
            continue
        if package == "gateway_admin" and importer in PROJECT:
            allowed = PROJECT[importer]
            if allowed is not None and imported not in allowed:
                yield str(found)
        elif layer_of(imported, layers) >= layer_of(importer, layers):
            yield str(found)


@pytest.mark.parametrize(("package", "layers"), [("proxy_engine", ENGINE_LAYERS), ("gateway_admin", ADMIN_LAYERS)])
def test_arrows_point_one_way(package, layers):
    assert list(against_the_layers(package, layers)) == []


def test_the_engine_does_not_know_the_control_plane():
    assert [str(found) for found in imports_of("proxy_engine") if found.name.startswith("gateway_admin")] == []


def test_inside_an_app_arrows_point_one_way():
    wrong = []
    for found in imports_of("gateway_admin"):
        importer, imported = found.importer.split("."), found.name.split(".")
        if len(importer) < 3 or len(imported) < 3 or importer[1] != imported[1]:
            continue
        ranks = [
            next((n for n, shelf in enumerate(SHELVES) if part in shelf), None) for part in (importer[2], imported[2])
        ]
        if None not in ranks and ranks[1] > ranks[0]:
            wrong.append(str(found))
    assert wrong == []


@pytest.mark.parametrize("package", LIBRARIES)
def test_libraries_stay_in_their_place(package):
    wrong = [
        str(found)
        for found in imports_of(package)
        for library, places in LIBRARIES[package].items()
        if _is_below(found.name, library) and not any(_is_below(found.importer, place) for place in places)
    ]
    assert wrong == []


def _is_below(name: str, parent: str) -> bool:
    return name == parent or name.startswith(f"{parent}.")


def test_the_check_sees_what_it_should():
    """Guards the guard: a tree without a single arrow would pass everything above."""
    arrows = {(unit_of(found.importer, "gateway_admin"), found.name) for found in imports_of("gateway_admin")}
    assert ("catalog", "proxy_engine.spec") in arrows
    assert ("settings", "gateway_admin.common.installation.redis_urls") in arrows
