"""Pictures of the dashboard in `images/`, of a service full of lifelike tasks: `make screenshots`."""

import io
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from task_system.testing.servers.binaries import chromium
from tests.integration.service import ROOT, Embedded

IMAGES = ROOT / "images"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
MOST_BYTES = 200_000
CUSTOMERS = ("Ada", "Grace", "Katherine", "Hedy", "Mary", "Annie")
#: Minutes of history that are made up, since nobody waits an hour for a picture.
HISTORY = 7 * 24 * 60


class Shop(Embedded):
    """A service of the shop's task types."""

    def environment(self) -> dict[str, str]:
        ours = {
            "TASK_MODULES": "tools.demo_tasks",
            "WORKER_CONCURRENCY": "6",
            "FLOWER_URL": "http://localhost:5555",
            "ENVIRONMENT_NAME": "staging",
        }
        return super().environment() | ours


@contextmanager
def shop() -> Iterator[Shop]:
    """The service, running and full."""
    with tempfile.TemporaryDirectory() as folder:
        service = Shop(Path(folder) / "service")
        try:
            service.start()
            fill(service)
            yield service
        finally:
            service.end()


def fill(service: Shop) -> None:
    """Let it do some work of every kind."""
    random.seed(7)
    orders = [
        {"task_type": "invoice_render", "parameters": {"order": 4700 + at, "customer": random.choice(CUSTOMERS)}}
        for at in range(90)
    ]
    service.request("POST", "/api/tasks/batch", json={"tasks": orders})
    for supplier in ("Nordwind", "Südwind", "Ostsee", "Südwind", "Westend", "Südwind"):
        service.submit("supplier_import", {"supplier": supplier, "rows": 1400}, tags=["prices"])
    time.sleep(6)
    service.submit("newsletter", {"edition": "2026-11", "segment": "trial"}, priority="high")
    for amount in (1250, 80, 310, 99, 45, 720):
        service.submit("payment_capture", {"order": 4700 + amount, "amount": amount}, priority="high")
    for edition in ("2026-12", "2027-01"):
        service.submit("newsletter", {"edition": edition}, delay=86_400, tags=["letters"])
    service.submit("data_processing", {"data": "city,sold\nOslo,12\nRome,7\nLima,31"}, metadata={"user": 42})
    service.submit("email_sending", {"to": "ada@example.com", "subject": "Your order", "text": "It is on its way."})
    image = {"images": [{"create": {"width": 640, "height": 480, "colour_to": "#ff8800"}}]}
    service.submit("image_processing", {**image, "operations": [{"operation": "thumbnail", "size": 128}]})
    for source in ("harbour-tour.mov", "workshop-3.mov"):
        service.submit("video_transcode", {"source": source}, tags=["films"])
    service.request("POST", "/api/queues/email_sending.low/pause", json={"reason": "provider moves, back at noon"})
    time.sleep(2.5)
    for _ in range(3):
        service.submit("email_sending", {"to": "grace@example.com", "text": "Later."}, priority="low")
    service.request("POST", "/api/task-types/http_request/hold", json={"reason": "partner's API is down"})
    for schedule in service.get("/api/schedules").json()["schedules"]:
        service.request("POST", f"{schedule['links']['self']}/run-now")
    sent = {
        "prices-nordwind.csv": b"article,price\n4711,12.90\n",
        "catalogue.pdf": b"%PDF-1.7\n",
        "orders.json": b"[1]\n",
    }
    for name, content in sent.items():
        service.request("POST", "/api/files", files={"file": (name, content * 800)})
    bulk = {"action": "retry", "filter": {"q": "tag:prices state:failure"}, "reason": "the list is mended"}
    service.request("POST", "/api/bulk", json=bulk)
    time.sleep(8)
    for customer in CUSTOMERS[:4]:
        service.submit("invoice_render", {"order": 4800, "customer": customer, "lines": 42})
    make_up_history(service)
    time.sleep(2)


def make_up_history(service: Shop) -> None:
    """Copy what was counted in the last minutes into the days before, more by day than by night."""
    with sqlite3.connect(service.data_dir / "tasks.db", timeout=10) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(rollups)")]
        seen = connection.execute("SELECT * FROM rollups").fetchall()
        counted = [name for name in columns if name not in {"step_s", "at", "task_type", "queue", "wait_ms", "run_ms"}]
        steps = {row[0] for row in seen}
        for step_s in steps:
            rows = [dict(zip(columns, row, strict=True)) for row in seen if row[0] == step_s]
            latest = max(datetime.fromisoformat(row["at"]) for row in rows)
            for back in range(1, HISTORY * 60 // step_s + 1):
                moment = latest - timedelta(seconds=back * step_s)
                share = (0.35 + 0.3 * (8 <= moment.hour <= 18) + 0.2 * random.random()) * max(1.0, step_s / 300)
                for row in rows:
                    failing = 0.2 if 25 * 60 > back * step_s > 18 * 60 else 0.03
                    made = {name: int(row[name] * share * random.uniform(0.6, 1.1)) for name in counted}
                    made["failed"] = int(made["succeeded"] * failing * random.random() * 2)
                    values = [made.get(name, row[name]) for name in columns]
                    values[columns.index("at")] = moment.strftime("%Y-%m-%d %H:%M:%S.%f")
                    marks = ", ".join("?" * len(columns))
                    connection.execute(f"INSERT OR IGNORE INTO rollups VALUES ({marks})", values)


def pages(service: Shop) -> dict[str, str]:
    """Names of pictures, and addresses."""
    failed = service.get("/api/tasks?state=failure&limit=1").json()["tasks"][0]["task_id"]
    running = service.get("/api/tasks?state=started&limit=1").json()["tasks"][0]["task_id"]
    return {
        "overview": "/dashboard",
        "tasks": "/dashboard/tasks",
        "task": f"/dashboard/tasks/{running}",
        "failed-task": f"/dashboard/tasks/{failed}",
        "submit": "/dashboard/submit?type=video_transcode",
        "failures": "/dashboard/failures",
        "queues": "/dashboard/queues",
        "workers": "/dashboard/workers",
        "schedules": "/dashboard/schedules",
        "files": "/dashboard/files",
        "batches": "/dashboard/batches",
        "bulk": "/dashboard/batches?kind=bulk",
        "settings": "/dashboard/settings",
    }


def picture(page: Page, path: Path) -> None:
    """What is seen now, as a small PNG."""
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(path, optimize=True)
    assert path.stat().st_size < MOST_BYTES, f"{path.name} is {path.stat().st_size:,} bytes"


def main() -> None:
    """Take all of them."""
    with shop() as service, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        for theme in ("light", "dark"):
            for size, (width, height) in SIZES.items():
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme=theme,
                    base_url=service.base_url,
                    timezone_id="Europe/Berlin",
                    locale="en-GB",
                    reduced_motion="reduce",
                )
                page = context.new_page()
                for name, address in pages(service).items():
                    page.goto(address)
                    page.locator("h1").first.wait_for()
                    page.locator("[aria-busy]").wait_for(state="detached")
                    page.wait_for_timeout(700)
                    picture(page, IMAGES / f"dashboard-{name}-{size}-{theme}.png")
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
