"""Consumers, plugins, a file: by mouse and keyboard, with what scripts add to their pages."""

import pytest
from selenium.webdriver.common.by import By

from tests.support.eventually import eventually

from .test_guided_flow import Reader, sign_in

FILE = '_format_version: "3.0"\nservices:\n- {name: from-file, host: a.example}\n'


@pytest.fixture
def reader(browser, stack):
    reader = Reader(browser, stack)
    sign_in(reader)
    return reader


def test_a_consumer_gets_a_key_and_a_limit(reader, stack):
    stack.api.create("services", name="orders", host="orders.local")
    reader.open("/admin-ui/consumers/new/")
    reader.type(username="mobile")
    reader.press("Create consumer")
    reader.press("New API key")
    reader.press("Create API key")
    reader.sees("made up just now")
    key = reader.browser.find_element(By.ID, "once").text
    reader.press("To the consumer")
    reader.sees("******")
    reader.press("Show keys")
    reader.sees(key)

    reader.press("Plugins")
    reader.press("New plugin")
    reader.press("rate-limiting")
    reader.sees("New plugin rate-limiting")
    reader.type(**{"service": "ord", "config.minute": "5"})
    offered = "#names-of-services option[value='orders']"
    eventually(lambda: reader.browser.find_elements(By.CSS_SELECTOR, offered), what="the service is offered")
    reader.type(service="orders")
    reader.press("Create plugin")
    reader.sees("Saved plugin rate-limiting")

    (plugin,) = stack.api.call("GET", "plugins").json["data"]
    assert plugin["config"]["minute"] == 5
    assert plugin["serviceId"]
    assert plugin["consumerId"]
    assert reader.complaints() == []


def test_a_file_is_pasted_looked_at_and_imported(reader, stack):
    reader.open("/admin-ui/config/")
    reader.type(text=FILE)
    reader.press("Show what it would change")
    reader.sees("1 to create, 0 to change, 0 to delete")
    reader.press("Import it")
    reader.sees("Imported the file as version 1.")

    assert stack.api.call("GET", "services/from-file").json["data"]["host"] == "a.example"
    assert reader.complaints() == []
