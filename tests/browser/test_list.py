"""The list of tasks: what stands in it, how it changes, and how people find, choose and step through it."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.test_acts import row
from tests.integration.service import Embedded


def test_new_tasks_wait_and_rows_change_in_place(page: Page, service: Embedded, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    first = service.submit("test_slow_gate", {"gate": str(gate)})["task_id"]
    page.goto("/dashboard/tasks")
    expect(row(page, first)).to_contain_text("Running")
    top = page.locator(".task-row").first.get_attribute("data-id")
    second = service.run("test_noop")["task_id"]
    expect(page.get_by_role("button", name=re.compile("1 new"))).to_be_visible()
    assert page.locator(".task-row").first.get_attribute("data-id") == top
    gate.touch()
    expect(row(page, first)).to_contain_text("Succeeded")
    page.get_by_role("button", name=re.compile("1 new")).click()
    expect(page.locator(".task-row").first).to_have_attribute("data-id", second)


def test_search_completes_and_shows_where_it_is_wrong(page: Page, service: Embedded) -> None:
    wanted = service.run("test_noop", tags=["looked-for"])["task_id"]
    page.goto("/dashboard/tasks")
    box = page.get_by_role("combobox", name="Search tasks")
    box.press_sequentially("ta")
    box.press("ArrowDown")
    box.press("Enter")
    expect(box).to_have_value("tag:")
    box.press_sequentially("looked-for")
    box.press("Enter")
    expect(page.locator(".task-row")).to_have_count(1)
    expect(row(page, wanted)).to_be_visible()
    expect(page).to_have_url(re.compile(r"q=tag%3Alooked-for"))
    box.fill("state:nonsense")
    box.press("Enter")
    expect(page.locator(".search-error")).to_contain_text("Expected one of")
    expect(page.locator(".task-row")).to_have_count(1)
    page.reload()
    expect(box).to_have_value("state:nonsense")


def test_states_are_tabs_terms_are_chips_and_columns_are_chosen(page: Page, service: Embedded) -> None:
    service.run("test_noop")
    page.goto("/dashboard/tasks?q=type:test_noop priority:normal")
    states = page.get_by_role("navigation", name="State")
    expect(states.get_by_role("link").first).to_have_text("All")
    states.get_by_role("link", name="Succeeded").click()
    expect(page).to_have_url(re.compile("state=success"))
    expect(page.locator(".task-row").first).to_contain_text("Succeeded")
    page.get_by_role("button", name="Remove priority:normal").click()
    expect(page.get_by_role("combobox", name="Search tasks")).to_have_value("type:test_noop")
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("button", name="Worker", exact=True).click()
    page.get_by_role("button", name="Queue", exact=True).click()
    headings = ["Select all on this page", "State", "Task", "Worker", "Attempt", "Created", "Duration"]
    expect(page.get_by_role("columnheader")).to_have_count(len(headings))
    # On narrower screens too.
    page.set_viewport_size({"width": 900, "height": 900})
    page.reload()
    expect(page.locator(".task-row").first).to_be_visible()
    shown = page.get_by_role("columnheader").all()
    assert [one.text_content() or one.get_by_role("checkbox").get_attribute("aria-label") for one in shown] == headings
    assert page.evaluate("document.documentElement.scrollWidth") <= 900, "many columns make the page wider"


def test_without_a_choice_a_list_has_the_columns_there_is_room_for(page: Page, service: Embedded) -> None:
    service.run("test_noop")
    page.goto("/dashboard/tasks")
    for width, columns in ((1440, 7), (1100, 6), (800, 5)):
        page.set_viewport_size({"width": width, "height": 900})
        expect(page.get_by_role("columnheader")).to_have_count(columns)
    page.get_by_role("button", name="Columns").click()
    expect(page.get_by_role("button", name="Queue", exact=True)).to_have_attribute("aria-pressed", "false")


def test_views_may_have_any_name(page: Page) -> None:
    page.goto("/dashboard/tasks?state=failure")
    for name in ("constructor", "with {braces}"):
        page.get_by_role("button", name="Views", exact=True).click()
        page.get_by_role("button", name="Save this view").click()
        page.get_by_role("dialog").get_by_label("Name").fill(name)
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
    page.goto("/dashboard/tasks")
    page.get_by_role("button", name="Views", exact=True).click()
    expect(page.get_by_role("link", name="constructor")).to_be_visible()
    page.get_by_role("link", name="with {braces}").click()
    expect(page).to_have_url(re.compile("state=failure"))
    page.get_by_role("button", name="Views", exact=True).click()
    page.get_by_role("button", name="Forget saved views").click()
    page.get_by_role("button", name="Views", exact=True).click()
    expect(page.get_by_role("button", name="Save this view")).to_be_visible()
    expect(page.get_by_role("link", name="constructor")).to_have_count(0)


def test_all_of_it_by_keyboard(page: Page, service: Embedded) -> None:
    service.run("test_noop")
    service.run("test_noop")
    page.goto("/dashboard")
    expect(page.locator("h1")).to_have_text("Overview")
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.locator("h1")).to_have_text("Tasks")
    expect(page.locator(".task-row").first).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator(".task-row .task-link").first).to_be_focused()
    page.keyboard.press("x")
    expect(page.get_by_role("group", name="Acts on the selection")).to_contain_text("1 selected")
    # However a row came to the focus, keys act on it.
    page.locator(".task-row .task-link").nth(1).focus()
    page.keyboard.press("x")
    expect(page.locator(".task-row").nth(1).get_by_role("checkbox")).to_be_checked()
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Search tasks")).to_be_focused()
    page.keyboard.press("Escape")
    page.get_by_role("combobox", name="Search tasks").blur()
    page.keyboard.press("j")
    page.keyboard.press("o")
    expect(page).to_have_url(re.compile("/dashboard/tasks/[0-9a-f-]{36}"))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Keyboard")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type("workers")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Workers")


def test_the_focus_stays_while_rows_change(page: Page, service: Embedded) -> None:
    service.run("test_noop")
    page.goto("/dashboard/tasks")
    expect(page.locator(".task-row").first).to_be_visible()
    box = page.get_by_role("combobox", name="Search tasks")
    box.press_sequentially("type:test")
    service.run("test_noop")
    expect(page.get_by_role("button", name=re.compile(" new"))).to_be_visible()
    expect(box).to_be_focused()
    expect(box).to_have_value("type:test")
