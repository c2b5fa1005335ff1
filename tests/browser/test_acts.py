"""What people do: submit, follow, cancel, retry, search, select, pause, all of it against a real service."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from task_system.store.bulk import STEP
from tests.browser.conftest import NewPage
from tests.integration.service import SLOTS, Embedded, running_embedded
from tests.integration.test_bulk import bulk, mark, over, submitted

HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>"\'`${window.hacked=1}'


def state(page: Page, name: str) -> None:
    """Wait until the task that is shown is in that state."""
    expect(page.locator(".task-state .badge")).to_have_text(name)


def row(page: Page, task_id: str) -> "Page":
    return page.locator(f'.task-row[data-id="{task_id}"]')  # type: ignore[return-value]


def test_a_task_from_the_form_to_its_result(page: Page) -> None:
    page.goto("/dashboard/submit?type=data_processing")
    page.locator('[data-path="parameters.data"] textarea').fill("three short words")
    page.get_by_role("radio", name="high").check()
    expect(page.locator(".curl")).to_contain_text('"data":"three short words"')
    expect(page.locator(".curl")).to_contain_text('"priority":"high"')
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page).to_have_url(re.compile("/dashboard/tasks/[0-9a-f-]{36}$"))
    state(page, "Succeeded")
    page.get_by_role("link", name="Result").click()
    expect(page.locator(".json")).to_contain_text("words")
    page.go_back()
    expect(page.locator(".timeline")).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile("/dashboard/submit"))


def test_what_is_wrong_stands_at_its_field(page: Page) -> None:
    page.goto("/dashboard/submit?type=email_sending")
    page.locator('[data-path="parameters.to"] input').fill("nobody")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.locator('[data-path="parameters.to"] .field-error')).to_be_visible()
    expect(page.locator('[data-path="parameters.to"] input[aria-invalid="true"]')).to_be_focused()
    page.locator('[data-path="parameters.to"] input').fill("ada@example.com")
    page.get_by_role("radio", name="At a time").check()
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.locator('[data-path="run_at"] .field-error')).to_be_visible()


def test_progress_is_seen_while_it_runs(page: Page, service: Embedded, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    task_id = service.submit("test_progress", {"gate": str(gate)})["task_id"]
    page.goto(f"/dashboard/tasks/{task_id}")
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "40")
    expect(page.locator(".live-progress")).to_contain_text("nearly half")
    gate.touch()
    state(page, "Succeeded")


def test_cancel_says_why(page: Page, service: Embedded) -> None:
    task_id = service.submit("test_noop", delay=3600)["task_id"]
    page.goto(f"/dashboard/tasks/{task_id}")
    state(page, "Scheduled")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_label("Reason").fill("not needed any more")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    state(page, "Cancelled")
    expect(page.locator(".page")).to_contain_text("not needed any more")
    assert service.task(task_id)["cancel_reason"] == "not needed any more"


def test_a_running_task_is_stopped(page: Page, service: Embedded) -> None:
    task_id = service.submit("test_asks")["task_id"]
    page.goto(f"/dashboard/tasks/{task_id}")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    state(page, "Cancelled")


def test_retry_with_other_parameters(page: Page, service: Embedded) -> None:
    task_id = service.run("test_flaky", {"times": 5})["task_id"]
    page.goto(f"/dashboard/tasks/{task_id}")
    state(page, "Failed")
    expect(page.locator(".error").first).to_contain_text("RuntimeError: failure 3")
    page.get_by_role("link", name="Edit and retry").click()
    page.get_by_label("times").fill("0")
    expect(page.locator(".changes")).to_contain_text("times")
    page.get_by_role("button", name="Retry", exact=True).click()
    expect(page).to_have_url(re.compile(f"/dashboard/tasks/(?!{task_id})[0-9a-f-]{{36}}$"))
    state(page, "Succeeded")
    page.get_by_role("link", name=f"…{task_id[-8:]}").click()
    expect(page).to_have_url(re.compile(task_id))


def test_a_hostile_task_stays_text(page: Page, service: Embedded) -> None:
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    tag = re.sub(r"\s", "", HOSTILE)[:60]
    done = service.run("test_echo", {"value": {HOSTILE: [HOSTILE]}}, tags=[tag], metadata={HOSTILE: HOSTILE})
    waits = service.submit("test_noop", delay=3600)["task_id"]
    service.request("POST", f"/api/tasks/{waits}/cancel", json={"reason": HOSTILE})
    service.request("POST", "/api/queues/default.low/pause", json={"reason": HOSTILE})
    for tab in ("summary", "parameters", "result", "raw"):
        page.goto(f"/dashboard/tasks/{done['task_id']}?tab={tab}")
        expect(page.locator(".json").first).to_contain_text("<script>")
    page.goto(f"/dashboard/tasks/{waits}")
    expect(page.locator(".moment-cause")).to_contain_text("<script>")
    page.goto("/dashboard/tasks")
    expect(page.locator(".task-line").filter(has_text="<script>").first).to_be_visible()
    page.goto("/dashboard/queues")
    expect(page.locator('[data-queue="default.low"]')).to_contain_text("<script>")
    service.request("POST", "/api/queues/default.low/resume")
    page.goto(f"/dashboard/tasks?q={HOSTILE}")
    expect(page.locator(".chips, .search-error").first).to_be_visible()
    assert page.evaluate("window.hacked") is None
    assert page.locator(".page img").count() == 0


def test_many_at_once(page: Page, service: Embedded) -> None:
    ids = [service.submit("test_noop", delay=3600, tags=["many"])["task_id"] for _ in range(3)]
    page.goto("/dashboard/tasks?q=tag:many")
    page.get_by_role("checkbox", name="Select all on this page").check()
    page.get_by_role("group", name="Acts on the selection").get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("3 tasks match.")
    dialog.get_by_label("Reason").fill("too many")
    dialog.get_by_role("button", name="Cancel 3 tasks").click()
    expect(dialog.locator(".bulk-view")).to_have_attribute("data-state", "done")
    assert {service.task(task_id)["state"] for task_id in ids} == {"CANCELLED"}


def test_acts_on_all_that_match_are_aborted(page: Page, service: Embedded, failpoints: Path, tmp_path: Path) -> None:
    tag, number, gate = mark(), 2 * STEP + 100, tmp_path / "gate"
    submitted(service, tag, number)
    page.goto(f"/dashboard/tasks?q=tag:{tag}")
    page.get_by_role("checkbox", name="Select all on this page").check()
    bar = page.get_by_role("group", name="Acts on the selection")
    expect(bar).to_contain_text("50 selected")
    expect(bar.get_by_role("button", name="Cancel")).to_be_enabled()
    bar.get_by_role("button", name="Select all that match").click()
    bar.get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"{number} tasks match.")
    dialog.get_by_label("Reason").fill("the wrong list")
    try:
        # The first step is done; the second waits for the gate.
        (failpoints / "keeper.bulk.before_step").write_text(f"barrier {gate} @2")
        dialog.get_by_role("button", name=f"Cancel {number} tasks").click()
        shown = dialog.locator(".bulk-view")
        expect(shown).to_contain_text(f"{STEP} of {number}")
        expect(shown).to_contain_text("the wrong list")
        expect(shown.get_by_role("progressbar")).to_have_attribute("value", str(round(100 * STEP / number)))
        expect(shown).to_have_attribute("data-state", "running")
        shown.get_by_role("button", name="Abort").click()
        expect(page.locator(".toast")).to_contain_text("what is done stays done")
        expect(shown).to_have_attribute("data-state", "aborted")
        expect(shown.get_by_role("button", name="Abort")).to_have_count(0)
    finally:
        gate.touch()
    page.keyboard.press("Escape")
    expect(bar).to_have_count(0)
    expect(page.locator(".task-row").first).to_be_visible()
    # Another one, which the keeper comes to after that step, finds all the others untouched.
    rest = over(service, bulk(service, "cancel", filter={"q": f"tag:{tag} state:pending"}, reason="the rest"))
    assert (rest["state"], rest["matching"], rest["succeeded"]) == ("done", number - STEP, number - STEP)
    [aborted] = [one for one in service.get("/api/bulk").json()["bulks"] if one["reason"] == "the wrong list"]
    assert (aborted["state"], aborted["done"], aborted["succeeded"]) == ("aborted", STEP, STEP)


def test_a_queue_is_paused_and_resumed(page: Page, service: Embedded) -> None:
    page.goto("/dashboard/queues")
    queue = page.locator('[data-queue="email_sending.normal"]')
    queue.get_by_role("button", name="Pause").click()
    page.get_by_label("Reason").fill("the mail server moves" + " to another house" * 10)
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(queue).to_contain_text("the mail server moves")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440, "a long reason makes the page wider"
    queue.get_by_role("button", name="Resume").click()
    queue.get_by_role("button", name="Pause").click()
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(queue.get_by_role("button", name="Resume")).to_be_visible()
    page.locator(".toast").get_by_role("button", name="Undo").last.click()
    expect(queue.get_by_role("button", name="Pause")).to_be_visible()


def test_a_purge_asks_for_the_queue_s_name(page: Page, service: Embedded, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    busy = [service.submit("test_slow_gate", {"gate": str(gate)}, priority="high")["task_id"] for _ in range(SLOTS)]
    for task_id in busy:
        service.wait_for(task_id, lambda task: task["state"] == "STARTED", "all slots in use")
    waits = service.submit("data_processing", {"data": "one"}, priority="low")["task_id"]
    page.goto("/dashboard/queues")
    queue = page.locator('[data-queue="data_processing.low"]')
    queue.get_by_role("button", name="More for").click()
    page.get_by_role("button", name="Purge").click()
    purge = page.get_by_role("dialog").get_by_role("button", name="Purge")
    expect(purge).to_be_disabled()
    page.get_by_label("Type data_processing.low").fill("data_processing.low")
    purge.click()
    expect(page.locator(".toast")).to_contain_text("1 task is cancelled.")
    gate.touch()
    assert service.task(waits)["state"] == "CANCELLED"


def test_a_schedule_is_made_changed_run_and_paused(page: Page, service: Embedded) -> None:
    page.goto("/dashboard/submit?type=test_noop&when=schedule")
    page.get_by_label("Name").fill("weekday-mornings")
    page.get_by_label("Cron", exact=True).fill("30 6 * * 1-5")
    page.get_by_role("button", name="Submit", exact=True).click()
    card = page.locator('[data-schedule="weekday-mornings"]')
    expect(card).to_contain_text("Monday to Friday at 06:30")
    card.get_by_role("button", name="More for").click()
    page.get_by_role("button", name="Change", exact=True).click()
    page.get_by_label("Cron", exact=True).fill("45 7 * * *")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(card).to_contain_text("Every day at 07:45")
    card.get_by_role("button", name="Run now").dblclick()
    expect(card.locator(".tick")).to_have_count(1)
    card.get_by_role("button", name="Pause").click()
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(card.get_by_role("button", name="Resume")).to_be_visible()
    expect(card.locator(".tick")).to_have_count(1)


def test_a_file_is_sent_and_deleted(page: Page, tmp_path: Path) -> None:
    sent = tmp_path / "sales & more.csv"
    sent.write_text("city,sold\nOslo,12\n")
    page.goto("/dashboard/files")
    page.evaluate("""
      window.dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['x'], 'x.csv'));
    """)
    missed = "type => document.body.dispatchEvent(new DragEvent(type, {bubbles: true, cancelable: true, dataTransfer}))"
    assert [page.evaluate(missed, name) for name in ("dragover", "drop")] == [False, False], "the browser would open it"
    page.locator(".drop input").set_input_files(sent)
    listed = page.locator("tbody tr").filter(has_text="sales & more.csv")
    expect(listed).to_contain_text("18")
    listed.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(listed).to_have_count(0)


def test_failures_are_grouped(page: Page, service: Embedded) -> None:
    for _ in range(2):
        service.run("test_not_worth_a_retry")
    page.goto("/dashboard/failures")
    group = page.locator(".failure").filter(has_text="KeyError")
    expect(group.locator(".failure-count")).to_have_text("2")
    group.get_by_role("link", name="KeyError").click()
    expect(page.locator(".task-row")).to_have_count(2)


def test_the_chart_finds_the_tasks_of_a_time(page: Page, service: Embedded) -> None:
    service.run("test_noop")
    page.goto("/dashboard?window=15m")
    plot = page.locator(".plot svg")
    expect(plot.locator(".bar")).to_have_count(15)
    # By keys first: it is a slider, whose values are the bars.
    plot.focus()
    expect(plot).to_have_attribute("aria-valuenow", "14")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(plot).to_have_attribute("aria-valuenow", "1")
    expect(plot).to_have_attribute(
        "aria-valuetext", re.compile(r"\d\d:\d\d.*, Succeeded: \d+, Failed: \d+, Retried: \d+")
    )
    expect(page.locator(".chart-tip")).to_contain_text("Succeeded")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"q=finished%3A%3E%3D.*finished%3A%3C"))
    page.go_back()
    expect(plot.locator(".bar")).to_have_count(15)
    box = plot.bounding_box()
    assert box
    page.mouse.move(box["x"] + 5, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + 50)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"/dashboard/tasks\?q=finished%3A%3E%3D"))
    expect(page.locator(".task-row").first).to_be_visible()


def test_spans_of_time_are_a_number_a_space_and_a_unit(page: Page) -> None:
    page.goto("/dashboard/settings")
    program = """async (spans) => {
      const main = document.querySelector("script[type=module]").src;
      return spans.map((await import(main.replace("main.js", "lib/format.js"))).span);
    }"""
    spans_ms = {
        0.4: "0.4 ms",
        471: "471 ms",
        1100: "1.1 s",
        85_000: "1 min 25 s",
        7_200_000: "2 h",
        90_000_000: "1 d 1 h",
    }
    # Between number and unit the space is a narrow one.
    shown = [" ".join(span.split()) for span in page.evaluate(program, list(spans_ms))]
    assert shown == list(spans_ms.values())


def test_what_a_browser_remembers(page: Page) -> None:
    page.goto("/dashboard/settings")
    light = page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")
    page.get_by_role("group", name="Theme").get_by_role("radio", name="dark").check()
    page.wait_for_function("light => getComputedStyle(document.documentElement).backgroundColor !== light", arg=light)
    dark = page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")
    page.get_by_role("group", name="Times").get_by_role("radio", name="UTC").check()
    expect(page.locator(".hint")).to_contain_text("UTC")
    page.get_by_role("group", name="Language").get_by_role("radio", name="Deutsch").click()
    expect(page.locator("h1")).to_have_text("Einstellungen")
    expect(page.get_by_role("radio", name="Deutsch")).to_be_focused()
    page.reload()
    expect(page.locator("h1")).to_have_text("Einstellungen")
    assert page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") == dark
    assert page.evaluate("document.documentElement.lang") == "de"


def test_it_comes_back_after_the_service_does(page: Page, service: Embedded) -> None:
    service.run("test_noop")
    page.goto("/dashboard/tasks")
    live = page.locator(".pill[class*='live-']")
    expect(live).to_have_class(re.compile("live-live|live-polling"))
    expect(page.locator(".task-row").first).to_be_visible()
    before = page.locator(".task-row").count()
    for process in service.processes.values():
        process.stop(20)
    expect(live).to_have_class(re.compile("live-offline"))
    assert page.locator(".task-row").count() == before
    service.start()
    expect(live).to_have_class(re.compile("live-live|live-polling"))
    service.run("test_noop")
    expect(page.get_by_role("button", name=re.compile(" new "))).to_be_visible()


def test_a_first_task_on_an_empty_system(new_page: NewPage, tmp_path: Path) -> None:
    with running_embedded(tmp_path, ENVIRONMENT_NAME="staging") as empty:
        page = new_page(base_url=empty.base_url)
        page.goto("/")
        expect(page.locator(".environment")).to_have_text("staging")
        expect(page.locator(".verdict")).to_contain_text("All is well.")
        page.get_by_role("button", name="Run an example").click()
        state(page, "Succeeded")


def test_all_that_is_wrong_is_said_worst_first(new_page: NewPage, tmp_path: Path) -> None:
    with running_embedded(tmp_path) as troubled:
        for _ in range(12):
            troubled.submit("test_not_worth_a_retry")
        for queue in ("email_sending.low", "data_processing.low"):
            assert troubled.request("POST", f"/api/queues/{queue}/pause", json={}).status_code == 200
        page = new_page(base_url=troubled.base_url)
        page.goto("/dashboard")
        wrong = [
            "100% of the finished tasks failed (12).",
            "Paused: data_processing.low, email_sending.low. 0 tasks wait.",
        ]
        expect(page.locator(".verdict p")).to_have_text(wrong)
        expect(page.locator(".verdict a")).to_have_text(["Failures", "Queues"])


def test_settings_of_the_browser_are_followed(new_page: NewPage, service: Embedded) -> None:
    page = new_page(390, 844, color_scheme="dark")
    page.goto("/dashboard/tasks")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light dark"
    expect(page.locator(".bottombar")).to_be_visible()
    page.get_by_role("button", name="More").last.click()
    page.get_by_role("dialog").get_by_role("link", name="Workers").click()
    expect(page.locator("h1")).to_have_text("Workers")
    shown = json.loads(page.evaluate("JSON.stringify(performance.getEntriesByType('resource').map((one) => one.name))"))
    assert all(address.startswith(service.base_url) for address in shown)


def test_whole_numbers_stay_what_they_are(page: Page, service: Embedded) -> None:
    task_id = service.run("test_echo", {"value": {"id": 9007199254740993}})["task_id"]
    page.goto(f"/dashboard/tasks/{task_id}")
    expect(page.locator(".json").first).to_contain_text("9007199254740993")
    page.get_by_role("link", name="Edit and retry").click()
    page.get_by_role("button", name="As JSON").click()
    expect(page.locator(".curl")).to_contain_text("9007199254740993")
    page.get_by_role("button", name="Retry", exact=True).click()
    expect(page).to_have_url(re.compile(f"/dashboard/tasks/(?!{task_id})"))
    state(page, "Succeeded")
    assert service.task(page.url[-36:])["result"] == {"id": 9007199254740993}
