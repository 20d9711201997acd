"""The ways back, as a person takes them: look at what would change, then press."""

import pytest

from .test_guided_flow import Reader, sign_in


@pytest.fixture
def reader(browser, stack):
    reader = Reader(browser, stack)
    sign_in(reader)
    return reader


def test_an_edit_is_undone_after_a_look_at_what_that_changes(reader, stack):
    service = stack.api.create("services", name="orders", host="orders.local", port=81)
    stack.api.write("PATCH", f"services/{service['id']}", {"port": 82})

    reader.open("/admin-ui/history/")
    reader.press("Undo")
    reader.sees("Undo version 2.")
    reader.sees("82 → 81")
    reader.press("Undo it")
    reader.sees("Undid version 2 as version 3.")

    assert stack.api.call("GET", "services/orders").json["data"]["port"] == 81
    assert reader.complaints() == []


def test_one_goes_back_to_a_version_from_an_entitys_history(reader, stack):
    service = stack.api.create("services", name="orders", host="orders.local")
    stack.api.create("upstreams", name="later")

    reader.open(f"/admin-ui/services/{service['id']}/history/")
    reader.press("Go back to here")
    reader.sees("Go back to version 1.")
    reader.press("Go back to version 1")
    reader.sees("Went back to version 1 as version 3.")

    assert stack.api.call("GET", "upstreams").json["data"] == []
    assert reader.complaints() == []
