"""Every page: it opens, complains of nothing, is usable by all, and fits a narrow screen."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser import axe
from tests.browser.conftest import NewPage
from tests.integration.service import Embedded

PAGES = {
    "": "Overview",
    "/tasks": "Tasks",
    "/submit": "Submit a task",
    "/submit?type=image_processing": "Submit a task",
    "/failures": "Failures",
    "/queues": "Queues",
    "/workers": "Workers",
    "/schedules": "Schedules",
    "/files": "Files",
    "/batches": "Batches",
    "/batches?kind=bulk": "Batches",
    "/settings": "Settings",
    "/nowhere": "Not found",
}


@pytest.fixture(scope="module")
def script() -> str:
    return axe.source()


@pytest.fixture(scope="module")
def task(service: Embedded) -> str:
    """Something to see on every page; answers the id of a task that failed after retries."""
    service.run("data_processing", {"data": "some words"}, tags=["nightly"])
    service.submit("test_noop", delay=3600)
    service.submit("test_retry_in_ages")
    body = {"name": "every-night", "task_type": "test_noop", "cron": "0 2 * * *", "parameters": {}}
    assert service.request("POST", "/api/schedules", json=body).status_code == 201
    batch = {"tasks": [{"task_type": "test_noop", "parameters": {}}] * 3}
    assert service.request("POST", "/api/tasks/batch", json=batch).status_code == 202
    task_id: str = service.run("test_flaky", {"times": 5})["task_id"]
    return task_id


def settled(page: Page) -> None:
    """Wait until nothing is being loaded."""
    expect(page.locator("h1").first).to_be_visible()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect(page.locator(".skeleton")).to_have_count(0)


def is_usable(page: Page, script: str) -> None:
    assert axe.findings(page, script) == []
    page.emulate_media(color_scheme="dark")
    assert axe.findings(page, script, contrast_only=True) == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page(new_page: NewPage, task: str, script: str, path: str) -> None:
    page = new_page()
    page.goto(f"/dashboard{path}")
    settled(page)
    expect(page.locator("h1")).to_have_text(PAGES[path])
    is_usable(page, script)
    page.set_viewport_size({"width": 360, "height": 740})
    fits(page)


@pytest.mark.parametrize("tab", ["summary", "parameters", "result", "errors", "log", "raw"])
def test_the_page_of_a_task(new_page: NewPage, task: str, script: str, tab: str) -> None:
    page = new_page()
    page.goto(f"/dashboard/tasks/{task}?tab={tab}")
    settled(page)
    expect(page.locator("h1")).to_have_text("test_flaky")
    if tab in {"summary", "errors"}:
        is_usable(page, script)
    page.set_viewport_size({"width": 360, "height": 740})
    fits(page)


def fits(page: Page) -> None:
    """Nothing is wider than the screen."""
    wide = page.evaluate(
        """() => [...document.querySelectorAll("body *")]
          .filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && one.checkVisibility()
            && !one.closest(".tabs, .table-wrap, .json, .traceback, .log, .visually-hidden, .skip"))
          .map((one) => one.outerHTML.slice(0, 120))"""
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 360, wide
    assert wide == []
