"""The OpenAPI document against the running gateway: schemathesis sends what fits it and what does not.

Not in constraints.txt, for it brings a tree of libraries that nothing else needs: ``pip install schemathesis``.
"""

import shutil
import subprocess

import pytest

from tests.support.stack import FOLDER

SCHEMATHESIS = shutil.which("schemathesis")
LIMIT_S = 150


@pytest.mark.skipif(not SCHEMATHESIS, reason="schemathesis is not on PATH: the OpenAPI document is not tried out")
def test_schemathesis_finds_nothing(own_stack):
    own_stack.start()
    bounds = ("--phases", "fuzzing", "--max-examples", "8", "--seed", "1", "--no-shrink", "--continue-on-failure")
    token = ("--header", f"Authorization: Bearer {own_stack.token}")
    command = (SCHEMATHESIS, "run", f"{own_stack.admin}/api/schema/", *token, *bounds, "--no-color")
    found = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert found.returncode == 0, found.stdout
    assert "generated" in found.stdout
