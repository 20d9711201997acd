"""What we export is a file that deck takes for one of its own; tried with the real program where there is one."""

import shutil
import subprocess

import pytest

from gateway_admin.catalog.transfer.exporting import as_yaml, exported
from proxy_engine.spec.declarative import Choice

from .files import EVERYTHING, load

DECK_S = 60


@pytest.fixture
def deck():
    found = shutil.which("deck")
    if found is None:
        pytest.skip("no deck program is on the PATH: the export is not tried with it")
    return found


@pytest.mark.django_db
def test_deck_takes_our_export(deck, tmp_path):
    load(EVERYTHING)
    path = tmp_path / "kong.yaml"
    path.write_text(as_yaml(exported(Choice(for_kong=True))))

    done = subprocess.run(
        [deck, "--analytics=false", "file", "validate", str(path)],
        capture_output=True,
        text=True,
        timeout=DECK_S,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
