"""What comes late or not at all: answers that newer ones overtook, and pages whose first look fails."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import NewPage
from tests.integration.service import Embedded

#: Answers to what `keep` matches are there, and told to the page when one of `held` is called.
_HOLD = """
window.held = [];
window.keep = null;
const ask = window.fetch;
window.fetch = async (...asked) => {
  const answer = await ask(...asked);
  if (window.keep?.test(String(asked[0]))) await new Promise((free) => window.held.push(free));
  return answer;
};
"""
_IS_HELD = "() => held.length === 1"
_LET_GO = "held.shift()()"


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """One whose answers can be held."""
    page = new_page()
    page.add_init_script(_HOLD)
    return page


def test_an_answer_to_the_question_before_is_not_shown(page: Page, service: Embedded) -> None:
    batch = {"tasks": [{"task_type": "test_noop", "parameters": {}}]}
    assert service.request("POST", "/api/tasks/batch", json=batch).status_code == 202
    page.goto("/dashboard/batches")
    expect(page.locator(".batch").first).to_be_visible()
    page.evaluate("keep = /api.(batches|bulk)$/")
    page.wait_for_function(_IS_HELD)
    page.get_by_role("link", name="Operations").click()
    expect(page).to_have_url(re.compile("kind=bulk"))
    page.evaluate(_LET_GO)
    # It was taken up: the page has asked anew.
    page.wait_for_function(_IS_HELD)
    assert page.locator(".note-bad").count() == 0
    assert page.locator(".batch").count() > 0
    page.evaluate("keep = null")
    page.evaluate(_LET_GO)
    expect(page.locator(".batch")).to_have_count(0)
    expect(page.get_by_role("link", name="Operations")).to_have_attribute("aria-current", "page")


def test_what_is_pressed_again_while_it_is_asked_for_is_done_once(page: Page, service: Embedded) -> None:
    task_id = service.run("test_noop")["task_id"]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    page.goto(f"/dashboard/tasks/{task_id}")
    # A key that is pressed in a menu is not for the page.
    page.get_by_role("button", name="More", exact=True).click()
    page.keyboard.press("r")
    page.keyboard.press("Escape")
    page.evaluate("keep = /retry$/")
    page.get_by_role("button", name="Retry", exact=True).click()
    page.wait_for_function(_IS_HELD)
    page.get_by_role("button", name="Retry", exact=True).click()
    page.keyboard.press("r")
    page.evaluate(_LET_GO)
    expect(page).to_have_url(re.compile(f"/dashboard/tasks/(?!{task_id})"))
    assert len(asked) == 1


def test_what_is_not_there_yet_is_not_left_out(page: Page) -> None:
    sent: list[Route] = []

    def hold(route: Route) -> None:
        sent.append(route)

    page.route("**/api/files", hold)
    page.goto("/dashboard/submit?type=data_processing")
    box = page.locator('[data-path="parameters.file"]')
    box.get_by_role("button", name="Add").click()
    box.get_by_label("Kind").select_option(index=1)
    with page.expect_request("**/api/files"):
        box.locator("input[type=file]").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": b"a\n1\n"})
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("Uploading")
    sent.pop().continue_()
    expect(box).to_contain_text("a.csv")
    expect(page.locator(".curl")).to_contain_text("file")


def test_the_language_that_was_chosen_last_stays(page: Page) -> None:
    page.goto("/dashboard/settings")
    page.get_by_role("group", name="Language").wait_for()
    page.evaluate(r"keep = /de\.json$/")
    page.get_by_role("radio", name="Deutsch").click()
    page.wait_for_function(_IS_HELD)
    page.get_by_role("radio", name="Français").click()
    expect(page.locator("h1")).to_have_text("Réglages")
    page.evaluate(_LET_GO)
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.locator("h1")).to_have_text("Tâches")
    assert page.evaluate("document.documentElement.lang") == "fr"


@pytest.mark.parametrize(
    ("path", "heading", "asked", "content"),
    [
        ("queues", "Queues", "**/api/queues", "[data-queue]"),
        ("submit", "Submit a task", "**/api/task-types", "form.submit"),
    ],
)
def test_a_first_look_that_fails_can_be_tried_again(
    page: Page, path: str, heading: str, asked: str, content: str
) -> None:
    page.route(asked, lambda route: route.abort())
    page.goto(f"/dashboard/{path}")
    expect(page.get_by_role("alert")).to_contain_text("The service cannot be reached.")
    expect(page.locator("h1")).to_have_text(heading)
    expect(page).to_have_title(f"{heading} · Task System")
    page.unroute(asked)
    page.get_by_role("button", name="Try again").press("Enter")
    expect(page.locator(content).first).to_be_visible()
    expect(page.locator("h1")).to_be_focused()
    expect(page.get_by_role("alert")).to_have_count(0)
