"""What must be in order before the programs start."""

from types import SimpleNamespace

import pytest

from gateway_admin.processes.machine import Machine
from gateway_admin.processes.preflight import Refusal
from tests.gateway_admin.builders import a_key


@pytest.mark.django_db(transaction=True)
def test_it_does_not_start_with_a_key_that_opens_no_stored_secret(settings, tmp_path):
    a_key(), a_key()
    settings.SECRET_KEY = "another"
    machine = Machine(SimpleNamespace(data_dir=tmp_path, environment={}, echoes={}))

    with pytest.raises(Refusal, match=r"2 of keyauth_credentials.*GATEWAY_SECRET_KEY_FALLBACKS"):
        machine._prepare_database()
