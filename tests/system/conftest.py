"""One stack for all tests that leave it running; those that stop or break it for good start their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.echo_target import EchoTarget
from tests.support.stack import Stack

SHOWN_CHARACTERS = 12_000


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.system)
            item.add_marker(pytest.mark.timeout(180))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """What the processes printed is the first thing one wants to see of a failure."""
    report = yield
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Stack) and value.log.exists():
                report.sections.append((f"output of {name}", value.output()[-SHOWN_CHARACTERS:]))
    return report


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("stack") / "var", workers=2)
    stack.start()
    yield stack
    stack.destroy()


@pytest.fixture
def own_stack(tmp_path):
    """Not started yet."""
    stack = Stack(tmp_path / "var")
    yield stack
    stack.destroy()


@pytest.fixture
def targets():
    with EchoTarget("a") as a, EchoTarget("b") as b:
        yield a, b
