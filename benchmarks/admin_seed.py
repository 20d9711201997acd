"""Fills the database that ``GATEWAY_DATA_DIR`` names: ``python -m benchmarks.admin_seed SERVICES TARGETS``.

The targets are those of one upstream, ``many``.
"""

import os
import sys
import uuid

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_admin.settings")
django.setup(set_prefix=False)

from gateway_admin.catalog import actions  # noqa: E402
from gateway_admin.catalog.actions import Actor, Edit  # noqa: E402

AT_ONCE = 10_000
BENCHMARK = Actor("benchmark", "import")


def main(services: int, targets: int) -> None:
    upstream = _new("upstreams", name="many")
    first = [upstream, *(_new("services", name=f"service-{n}", host=f"host-{n}.example") for n in range(services))]
    actions.apply(edits=first, actor=BENCHMARK)
    for start in range(0, targets, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, targets))
        edits = [_new("targets", upstream={"id": upstream.id}, target=f"host-{n}.example:80") for n in numbers]
        actions.apply(edits=edits, actor=BENCHMARK)


def _new(kind: str, **values) -> Edit:
    return Edit(kind, str(uuid.uuid4()), values)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
