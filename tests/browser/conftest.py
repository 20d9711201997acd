"""A real Chromium, driven by the chromedriver of the same package, and a stack for it to look at."""

import shutil
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.support.stack import Stack

WIDE = (1360, 900)
PAGE_S = 20
SCREENSHOT = "browser.png"


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(240))


def program(*names: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(names)} is on the PATH: the dashboard is not tried in a browser")
    return found


@pytest.fixture
def browser(tmp_path):
    chromium, driver = program("chromium", "chromium-browser", "google-chrome"), program("chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "--headless=new",
        "--no-sandbox",  # containers have no user namespaces
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={WIDE[0]},{WIDE[1]}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    window = webdriver.Chrome(options=options, service=Service(driver))
    window.set_page_load_timeout(PAGE_S)
    yield window
    window.quit()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Of a failure one wants to see the page, and what the processes printed."""
    report = yield
    arguments = getattr(item, "funcargs", {})
    if report.failed and "browser" in arguments:
        path = arguments["tmp_path"] / SCREENSHOT
        arguments["browser"].save_screenshot(str(path))
        report.sections.append(("page", f"{arguments['browser'].current_url}, see {path}"))
    if report.failed and "stack" in arguments:
        report.sections.append(("output of the stack", arguments["stack"].output()[-8000:]))
    return report


@pytest.fixture
def stack(browser, tmp_path):
    """After the browser: without one nothing is started."""
    stack = Stack(tmp_path / "var", workers=1)
    stack.start()
    yield stack
    stack.destroy()
