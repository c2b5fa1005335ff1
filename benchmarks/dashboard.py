"""How soon the dashboard is painted and answers people with a million tasks, and with 500 events a second.

python -m benchmarks.dashboard [--quick] [--json FILE] [--markdown docs/performance.md]
"""

import statistics
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import psycopg
import requests
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks import report
from benchmarks.contenders import SERVICE_WEB, SERVICE_WORKER
from benchmarks.listing import fill
from benchmarks.report import Bar, Report
from benchmarks.running import BenchmarkFailed, Stand, stand, wait_until
from task_system.store import Database
from task_system.testing.servers.binaries import chromium

PAGES = ("", "/tasks", "/submit", "/failures", "/queues", "/workers", "/schedules", "/files", "/batches", "/settings")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
#: A task that runs is accepted, started and succeeded.
EVENTS_OF_A_TASK = 3
EVENTS_A_SECOND = 500
_BATCHES_A_SECOND = 4
_PATIENCE_MS = 60_000
_FINISH_S = 60.0
#: What is done on the list, and back: name, what is clicked or written into, the text if any, and what shows the end.
ACTS = (
    ("filter by state", '.tabs a[href*="state=failure"]', None, "another"),
    ("all states again", ".tabs a:first-child", None, "another"),
    ("search", "#search", "type:csv_export tag:nightly", "another"),
    ("no search again", "#search", "", "another"),
    ("a page further", ".pager a:last-child", None, "another"),
    ("the first page again", ".pager a:not(:last-child)", None, "another"),
    ("select all of the page", "thead input", None, "selected"),
    ("select none", "thead input", None, "none"),
)
#: Both clocks are the page's; the end is the frame after the one that shows it.
_ACT = """async ([selector, text, end, patienceMs]) => {
  const frame = () => new Promise(requestAnimationFrame);
  const first = () => document.querySelector(".task-row")?.dataset.id;
  const selected = () => document.querySelectorAll(".task-row.selected").length;
  const before = first();
  const ended = { another: () => first() && first() !== before, selected, none: () => !selected() }[end];
  const target = document.querySelector(selector);
  const start = performance.now();
  if (text === null) target.click();
  else {
    target.value = text;
    target.form.requestSubmit();
  }
  while (!ended()) {
    await frame();
    if (performance.now() - start > patienceMs) throw new Error(`nothing came of ${selector}`);
  }
  await frame();
  return performance.now() - start;
}"""
_WATCH = """(ms) => new Promise((resolve) => {
  const frames_ms = [];
  const tasks_ms = [0];
  new PerformanceObserver((list) => tasks_ms.push(...list.getEntries().map((one) => one.duration)))
    .observe({ type: "longtask" });
  const begin = performance.now();
  let last = begin;
  const frame = (now) => {
    frames_ms.push(now - last);
    last = now;
    if (now - begin < ms) requestAnimationFrame(frame);
    else resolve({ frames_ms, tasks_ms });
  };
  requestAnimationFrame(frame);
})"""
_SHOWN = """() => document.querySelector("h1") && !document.querySelector("[aria-busy], .page .skeleton")
  && performance.now()"""
_PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


@dataclass(frozen=True)
class Loaded:
    """A page in a browser that was never here."""

    painted_ms: float
    #: When it showed what it asked the API for.
    shown_ms: float


@dataclass(frozen=True)
class Busy:
    """The list of tasks while much happened."""

    events_a_second: float
    frame_p95_ms: float
    longest_task_ms: float


def load(browser: Browser, address: str, times: int) -> Loaded:
    """Open a page so many times, each in a browser that knows nothing of it; medians."""
    painted, shown = [], []
    for _ in range(times):
        with opened(browser, address) as page:
            shown.append(page.wait_for_function(_SHOWN).json_value())
            painted.append(page.evaluate(_PAINTED))
    return Loaded(statistics.median(painted), statistics.median(shown))


@contextmanager
def opened(browser: Browser, address: str) -> Iterator[Page]:
    """A page in a fresh context."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(_PATIENCE_MS)
    try:
        page = context.new_page()
        page.goto(address)
        yield page
    finally:
        context.close()


def act(page: Page, times: int) -> dict[str, Sequence[float]]:
    """Everything that is done on the list, so many times; milliseconds."""
    page.wait_for_selector(".task-row")
    found: dict[str, list[float]] = {name: [] for name, *_ in ACTS}
    for _ in range(times):
        for name, selector, text, end in ACTS:
            page.wait_for_selector(selector)
            found[name].append(page.evaluate(_ACT, [selector, text, end, _PATIENCE_MS]))
    return {name: tuple(times_ms) for name, times_ms in found.items()}


def watch(page: Page, place: Stand, base_url: str, seconds: float) -> Busy:
    """How smooth the list stays while so many events a second reach it."""
    page.wait_for_selector(".live-live")
    stop = threading.Event()
    sender = threading.Thread(target=_submit_until, args=(stop, base_url), daemon=True)
    before, began = _finished(place), time.monotonic()
    sender.start()
    try:
        seen = page.evaluate(_WATCH, seconds * 1000)
    finally:
        stop.set()
        sender.join(_FINISH_S)
    took_s = time.monotonic() - began
    events = EVENTS_OF_A_TASK * (_finished(place) - before)
    frames = statistics.quantiles(seen["frames_ms"], n=20)
    return Busy(events / took_s, frames[18], max(seen["tasks_ms"]))


def _submit_until(stop: threading.Event, base_url: str) -> None:
    size = EVENTS_A_SECOND // EVENTS_OF_A_TASK // _BATCHES_A_SECOND + 1
    body = {"tasks": [{"task_type": "noop", "parameters": {}}] * size}
    begin, sent = time.monotonic(), 0
    with requests.Session() as session:
        while not stop.wait(max(0.0, begin + sent / _BATCHES_A_SECOND - time.monotonic())):
            session.post(f"{base_url}/api/tasks/batch", json=body, timeout=30).raise_for_status()
            sent += 1


def _finished(place: Stand) -> int:
    with psycopg.connect(place.servers.postgresql.url) as connection:
        row = connection.execute("SELECT count(*) FROM tasks WHERE task_type = 'noop' AND state = 'SUCCESS'").fetchone()
    assert row is not None
    return int(row[0])


def report_of(
    rows: int,
    loaded: dict[str, Loaded],
    acted: dict[str, Sequence[float]],
    busy: Busy,
    facts: dict[str, str],
) -> Report:
    """What was seen, and the bars."""
    p50 = {name: statistics.median(times_ms) for name, times_ms in acted.items()}
    p95 = {name: statistics.quantiles(times_ms, n=20)[18] for name, times_ms in acted.items()}
    last = max(loaded, key=lambda name: loaded[name].painted_ms)
    slowest = max(p95, key=lambda name: p95[name])
    painted_ms = loaded[last].painted_ms
    frame, longest = f"{busy.frame_p95_ms:.0f}", f"{busy.longest_task_ms:.0f}"
    rate = f"{busy.events_a_second:.0f} events/s"
    return Report(
        name="dashboard",
        title=f"The dashboard in Chromium, {rows:,} tasks on PostgreSQL",
        columns=("", "first paint ms", "all shown ms", "p50 ms", "p95 ms"),
        rows=[
            *[(f"open {name}", f"{one.painted_ms:.0f}", f"{one.shown_ms:.0f}", "", "") for name, one in loaded.items()],
            *[(name, "", "", f"{p50[name]:.0f}", f"{p95[name]:.0f}") for name in acted],
            (f"a frame of the list at {rate}", "", "", "", frame),
        ],
        bars=[
            Bar("first contentful paint of every page within 1 s", f"{painted_ms:.0f} ms ({last})", painted_ms <= 1000),
            Bar(
                "p95 of what is done on the list at most 200 ms",
                f"{p95[slowest]:.0f} ms ({slowest})",
                p95[slowest] <= 200,
            ),
            Bar(
                f"at {EVENTS_A_SECOND} events/s 95 % of the frames within 50 ms, and no task of the page above 200 ms",
                f"{frame} ms, {longest} ms at {rate}",
                busy.frame_p95_ms <= 50 and busy.longest_task_ms <= 200,
            ),
        ],
        facts=facts,
        notes=[
            "The browser shares the cores with the service and its servers; it opens each page with an empty cache."
        ],
        data={
            "pages": {name: asdict(one) for name, one in loaded.items()},
            "acts_ms": {name: list(times_ms) for name, times_ms in acted.items()},
            "busy": asdict(busy),
        },
    )


def measure(place: Stand, rows: int, times: int, seconds: float, facts: dict[str, str]) -> Report:
    """Open, act, watch."""
    with (
        place.running(SERVICE_WEB) as web,
        place.running(SERVICE_WORKER),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        facts = {**facts, "Browser": f"Chromium {browser.version}"}
        _one_task(web.base_url)
        pages = f"{web.base_url}/dashboard"
        loaded = {name or "/": load(browser, pages + name, max(3, times // 5)) for name in PAGES}
        with opened(browser, f"{pages}/tasks") as page:
            acted = act(page, times)
            busy = watch(page, place, web.base_url, seconds)
        browser.close()
    if busy.events_a_second < EVENTS_A_SECOND / 2:
        raise BenchmarkFailed(f"only {busy.events_a_second:.0f} events a second were made")
    return report_of(rows, loaded, acted, busy, facts)


def _one_task(base_url: str) -> None:
    """Run one, so that the worker is known to work, and what is read once has been read."""
    answer = requests.post(f"{base_url}/api/tasks", json={"task_type": "noop", "parameters": {}}, timeout=10)
    link = base_url + answer.json()["links"]["self"]
    wait_until(lambda: requests.get(link, timeout=10).json()["finished_at"], _FINISH_S, "the worker works")


def main() -> int:
    """Measure once."""
    options = report.arguments(__doc__)
    rows, times, seconds = (20_000, 4, 3.0) if options.quick else (1_000_000, 25, 15.0)
    with stand() as place:
        facts = report.facts(place)
        place.migrate()
        database = Database(place.servers.postgresql.url)
        fill(database, rows)
        database.close()
        made = measure(place, rows, times, seconds, facts)
    made.write(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
