"""The main job, as a person does it: from an empty system to balanced traffic, by mouse and keyboard."""

from collections import Counter

import pytest
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By

from tests.support.client import Session
from tests.support.echo_target import EchoTarget
from tests.support.eventually import eventually

REQUESTS = 100


class Reader:
    """A person at the dashboard: sees text, presses what is written on a button, types into what has a label."""

    def __init__(self, browser, stack):
        self.browser, self.stack = browser, stack

    def open(self, path):
        self.browser.get(f"{self.stack.admin}{path}")

    def sees(self, text, within=10.0):
        return eventually(
            lambda: text in self._text(),
            within=within,
            what=f"the page says {text!r}",
        )

    def _text(self):
        """Of the page; nothing while it is just being replaced."""
        try:
            return self.browser.find_element(By.TAG_NAME, "body").text
        except (StaleElementReferenceException, NoSuchElementException):
            return ""

    def press(self, text):
        """The first visible button or link with exactly this text. Where it stands may just be replaced: look again."""
        eventually(lambda: self._pressed(text), what=f"there is a {text!r} to press")

    def _pressed(self, text):
        place = f"//main//*[self::a or self::button][normalize-space()='{text}']"
        try:
            for element in self.browser.find_elements(By.XPATH, place):
                if element.is_displayed():
                    element.click()
                    return True
        except StaleElementReferenceException:
            pass
        return False

    def type(self, **fields):
        for name, text in fields.items():
            element = self.browser.find_element(By.NAME, name)
            element.clear()
            element.send_keys(text)

    def choose(self, name, label):
        self.browser.find_element(By.XPATH, f"//select[@name='{name}']/option[normalize-space()='{label}']").click()

    def complaints(self):
        """What the browser's console holds against us: scripts that failed, policies that were broken."""
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture
def reader(browser, stack):
    return Reader(browser, stack)


@pytest.fixture
def targets():
    with EchoTarget("a") as a, EchoTarget("b") as b:
        yield a, b


def sign_in(reader):
    reader.open("/admin-ui/")
    reader.type(username="admin", password=reader.stack.password)
    reader.press("Sign in")
    reader.sees("Overview")  # opening another page before the answer came would cancel the sign-in


def answers(stack, path, count=REQUESTS):
    """Over one connection, so by one worker: there the shares are exact."""
    session = Session(stack.proxy)
    try:
        return Counter(session.get(path).json["name"] for _ in range(count))
    finally:
        session.close()


def test_from_nothing_to_balanced_traffic(reader, stack, targets):
    sign_in(reader)
    reader.sees("First steps")

    reader.press("New upstream")
    reader.type(name="example_upstream")
    reader.press("Create upstream")
    reader.sees("No targets yet")

    reader.press("New target")
    reader.type(target=targets[0].address)
    reader.press("Save and add another")
    reader.sees("example_upstream has 1 target.")
    reader.type(target=targets[1].address)
    reader.press("Create target")
    reader.sees("2 of 2 targets ready")

    reader.open("/admin-ui/services/new/")
    reader.type(name="example", host="example_upstream")
    reader.sees("→ upstream example_upstream")
    reader.press("Create service")

    reader.press("New route")
    reader.type(paths="/mock")
    reader.press("Create route")
    reader.sees("Live on the engine within ")

    assert answers(stack, "/mock") == {"a": REQUESTS / 2, "b": REQUESTS / 2}

    reader.open("/admin-ui/upstreams/")
    reader.press("example_upstream")
    reader.sees("live")
    weights = reader.browser.find_elements(By.CSS_SELECTOR, "input.weight")
    weights[0].clear()
    weights[0].send_keys("300")
    reader.press("Save weights")
    reader.sees("75 %")
    eventually(lambda: answers(stack, "/mock") == {"a": 75, "b": 25}, what="the new weights are served")

    reader.press("Disable")
    reader.sees("1 of 2 targets ready")
    eventually(lambda: answers(stack, "/mock") == {"b": REQUESTS}, what="the disabled target gets nothing")
    assert reader.complaints() == []


def test_a_death_is_seen_without_reloading(reader, stack, targets):
    checks = {"interval": 1, "httpFailures": 2, "tcpFailures": 2, "timeouts": 2}
    healthcheck = {"active": {"httpPath": "/health", "healthy": {"interval": 1, "successes": 1}, "unhealthy": checks}}
    upstream = stack.api.create("upstreams", name="pool", healthcheck=healthcheck)
    for target in targets:
        stack.api.apply("POST", "targets", {"upstreamId": upstream["id"], "target": target.address})
    sign_in(reader)
    reader.open(f"/admin-ui/upstreams/{upstream['id']}/")
    reader.sees("2 of 2 targets ready")
    reader.sees("live")

    targets[1].die()
    reader.sees("1 of 2 targets ready")
    reader.sees("unhealthy")
    targets[1].revive()
    reader.sees("2 of 2 targets ready")
