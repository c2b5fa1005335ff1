"""The page at /api/docs, in a browser: all of it from here, nothing inline, and what it says works."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.chromium import running_chromium
from tests.integration.service import Embedded


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser, embedded: Embedded) -> Iterator[Page]:
    """The page, read. Fails when anything was said on the console, or asked of another server."""
    opened = browser.new_page(base_url=embedded.base_url)
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda asked: None if asked.url.startswith(embedded.base_url) else said.append(asked.url))
    opened.goto("/api/docs")
    opened.wait_for_selector(".operation")
    yield opened
    opened.close()
    assert said == []


def test_it_shows_every_operation_with_all_there_is_to_it(page: Page, embedded: Embedded) -> None:
    paths = embedded.get("/api/openapi.json").json()["paths"]
    ids = {operation["operationId"] for methods in paths.values() for operation in methods.values()}
    assert set(page.eval_on_selector_all(".operation", "all => all.map(one => one.id)")) == ids
    page.evaluate("document.querySelectorAll('details.operation').forEach(one => one.open = true)")
    page.wait_for_function(
        "document.querySelectorAll('.operation .try').length === document.querySelectorAll('.operation').length"
    )
    assert "undefined" not in page.inner_text("main")
    assert "[object" not in page.inner_text("main")


def test_a_task_is_submitted_from_it(page: Page, embedded: Embedded) -> None:
    page.goto("/api/docs#tasks_submit")
    form = page.locator("#tasks_submit form")
    form.locator("select").select_option("test_echo")
    form.locator("textarea").fill(json.dumps({"task_type": "test_echo", "parameters": {"value": "it's"}}))
    line = form.locator(".curl").inner_text()
    assert f"'{embedded.base_url}/api/tasks'" in line
    assert r"""it'\''s""" in line
    form.locator("button[type=submit]").click()
    form.locator(".answer .good").wait_for()
    task_id = json.loads(form.locator(".answer pre").inner_text())["task_id"]
    assert embedded.finished(task_id)["result"] == "it's"


def test_it_is_searched_by_words(page: Page) -> None:
    page.fill("#find", "post cancel")
    shown = page.locator("#list [data-words]:visible")
    assert shown.count() >= 1
    assert all("cancel" in text.lower() for text in shown.all_inner_texts())


def test_its_policy_allows_nothing_inline(embedded: Embedded) -> None:
    answer = embedded.get("/api/docs")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for path in ("/api/docs/%2e%2e/app.py", "/api/docs/..%2fapp.py", "/api/docs/nothing.js"):
        assert embedded.get(path).status_code == 404
