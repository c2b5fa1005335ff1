"""Schedules over HTTP, in both modes; and keepers that are killed while ticks come every second."""

import os
import random
import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import requests

from tests.integration.service import Json, Service, Stack, wait_until
from tests.standstill import ran_between_s

#: A minute says more; the promise is the same.
KILLING_S = 60.0 if os.environ.get("LONG_TESTS") else 20.0


def call(service: Service, method: str, path: str, body: Any = None) -> requests.Response:
    return service.request(method, f"/api/schedules{path}", json=body)


@pytest.fixture
def name(request: pytest.FixtureRequest, service: Service) -> Iterator[str]:
    """A name for one schedule, which is gone when the test is over."""
    name = request.node.originalname
    yield name
    forget(service, name)


def forget(service: Service, name: str) -> None:
    for schedule in call(service, "GET", "").json()["schedules"]:
        if schedule["name"] == name:
            assert call(service, "DELETE", f"/{schedule['schedule_id']}").status_code == 204


def make(service: Service, name: str, **more: Any) -> Json:
    answer = call(service, "POST", "", {"name": name, "task_type": "test_noop", **more})
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    assert answer.headers["Location"] == made["links"]["self"]
    return made


def show(service: Service, schedule: Json) -> Json:
    answer = call(service, "GET", f"/{schedule['schedule_id']}")
    assert answer.status_code == 200, answer.text
    shown: Json = answer.json()
    return shown


def seconds_between(ticks: list[Json]) -> list[float]:
    times = [datetime.fromisoformat(tick["fire_at"]) for tick in ticks]
    return [(later - earlier).total_seconds() for later, earlier in pairwise(times)]


def test_every_second_one_task(service: Service, name: str) -> None:
    schedule = make(service, name, cron="* * * * * *")
    wait_until(lambda: len(show(service, schedule)["ticks"]) >= 5, 15, "five ticks")
    paused = call(service, "POST", f"/{schedule['schedule_id']}/pause", {"reason": "enough"}).json()
    assert (paused["paused"], paused["pause_reason"], paused["next_times"]) == (True, "enough", [])
    ticks = paused["ticks"]
    assert [tick["outcome"] for tick in ticks] == ["submitted"] * len(ticks)
    assert seconds_between(ticks) == [1.0] * (len(ticks) - 1)
    assert len({tick["task_id"] for tick in ticks}) == len(ticks)
    for tick in ticks:
        task = service.finished(tick["task_id"])
        assert (task["state"], task["schedule_id"], task["run_at"]) == (
            "SUCCESS",
            schedule["schedule_id"],
            tick["fire_at"],
        )
        assert datetime.fromisoformat(task["started_at"]) >= datetime.fromisoformat(tick["fire_at"])
        assert ran_between_s(tick["fire_at"], task["started_at"]) < 3


def test_a_schedule_is_made_changed_run_and_forgotten(service: Service, name: str) -> None:
    schedule = make(
        service,
        name,
        task_type="test_echo",
        parameters={"value": 7},
        priority="high",
        cron="30 2 * * *",
        timezone="Europe/Berlin",
    )
    assert len(schedule["next_times"]) == 5
    assert schedule["next_times"][0] == schedule["next_fire_at"]
    assert call(service, "POST", "", {"name": name, "task_type": "test_noop", "every_s": 5}).status_code == 409
    link = f"/{schedule['schedule_id']}"

    changed = call(service, "PATCH", link, {"every_s": 3600, "jitter_s": 5})
    assert changed.status_code == 200, changed.text
    assert {key: changed.json()[key] for key in ("cron", "every_s", "jitter_s", "parameters")} == {
        "cron": None,
        "every_s": 3600,
        "jitter_s": 5,
        "parameters": {"value": 7},
    }
    answer = call(service, "POST", f"{link}/run-now")
    assert answer.status_code == 202, answer.text
    task = service.finished(answer.json()["task_id"])
    assert (task["state"], task["result"], task["priority"]) == ("SUCCESS", 7, "high")
    shown = show(service, schedule)
    assert [(tick["outcome"], tick["state"]) for tick in shown["ticks"]] == [("submitted", "SUCCESS")]
    assert [one["name"] for one in call(service, "GET", "?after=test_a").json()["schedules"]] == [name]
    assert call(service, "GET", "?task_type=test_echo").status_code == 422, "no filter that it does not know"

    assert call(service, "POST", f"{link}/pause").json()["next_fire_at"] is None
    assert call(service, "POST", f"{link}/resume").json()["next_fire_at"]
    assert call(service, "DELETE", link).status_code == 204
    for method, path in (("GET", link), ("DELETE", link), ("PATCH", link), ("POST", f"{link}/resume")):
        assert call(service, method, path, {}).json()["error"] == "schedule_not_found"
    assert service.task(task["task_id"])["schedule_id"] == schedule["schedule_id"]


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"cron": "61 * * * *"}, "cron", "Bad minute"),
        ({"cron": None}, "cron", "either cron or every_s"),
        ({"timezone": "Europe/Berlino"}, "timezone", "no time zone is named 'Europe/Berlino'"),
        ({"task_type": "test_nope"}, "task_type", "No task type is named"),
        ({"parameters": {"times": "often"}}, "parameters.times", "whole number"),
        ({"every_s": 0.1, "cron": None}, "every_s", "from 1 to"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, "ends_at", "no tick"),
        ({"starts_at": "0001-01-01T00:00:00+23:00"}, "starts_at", "ten years"),
        ({"overlap": "never"}, "overlap", "cancel_other"),
        ({"name": "two\nlines"}, "name", "letters, digits"),
        ({"colour": "red"}, "colour", "unknown here"),
    ],
)
def test_what_does_not_fit_is_said_by_field(service: Service, changes: Json, path: str, message: str) -> None:
    good = {"name": "never-made", "task_type": "test_flaky", "cron": "@daily", "parameters": {}}
    answer = call(service, "POST", "", good | changes)
    assert answer.status_code == 422, answer.text
    [error] = [error for error in answer.json()["errors"] if error["path"] == path]
    assert message in error["message"]


def test_what_is_declared_beside_its_type_is_there(service: Service) -> None:
    found = {one["name"]: one for one in call(service, "GET", "").json()["schedules"]}
    declared = found["test-declared"]
    assert (declared["declared"], declared["cron"], declared["timezone"]) == (True, "0 4 1 1 *", "Europe/Berlin")
    link = f"/{declared['schedule_id']}"
    assert call(service, "DELETE", link).json()["error"] == "schedule_is_declared"
    assert call(service, "PATCH", link, {"jitter_s": 1}).status_code == 409
    assert call(service, "POST", f"{link}/pause").json()["paused"] is True
    assert call(service, "POST", f"{link}/resume").json()["paused"] is False


def test_keepers_killed_at_random_submit_one_task_for_each_tick(stack: Stack) -> None:
    """Three of them, killed and started again, while a schedule has a tick every second."""
    forget(stack, "killed")
    keepers = [stack.processes["keeper"], *(stack.process(f"keeper-{n}", "task_system", "keeper") for n in (2, 3))]
    dice, kills = random.Random(7), 0
    try:
        for keeper in keepers[1:]:
            keeper.start()
        schedule = make(stack, "killed", cron="* * * * * *")
        # Each lives for a while of its own, and so sometimes none does.
        dies_at = {number: time.monotonic() + dice.uniform(0.5, 4) for number in range(3)}
        until = time.monotonic() + KILLING_S
        while time.monotonic() < until:
            for number, keeper in enumerate(keepers):
                if time.monotonic() >= dies_at[number]:
                    keeper.send_signal(signal.SIGKILL)
                    keeper.wait(10)
                    keeper.start()
                    kills += 1
                    dies_at[number] = time.monotonic() + dice.uniform(0.5, 4)
            time.sleep(0.02)
    finally:
        for keeper in keepers[1:]:
            keeper.stop(10)
    stack.wait_until_ready()
    wait_until(lambda: behind_s(stack, schedule) < 2, 20, "the ticks that were late")
    call(stack, "POST", f"/{schedule['schedule_id']}/pause")
    where = f"WHERE schedule_id = '{schedule['schedule_id']}'"
    ticks = [fire_at for (fire_at,) in stack.rows(f"SELECT fire_at FROM schedule_ticks {where} ORDER BY 1")]
    runs = [run_at for (run_at,) in stack.rows(f"SELECT run_at FROM tasks {where} ORDER BY 1")]
    first = datetime.fromisoformat(schedule["next_fire_at"])
    assert runs == ticks == [first + timedelta(seconds=number) for number in range(len(ticks))]
    assert len(ticks) >= KILLING_S - 2
    assert kills >= KILLING_S / 4
    live = f"SELECT count(*) FROM tasks {where} AND state <> 'SUCCESS'"
    wait_until(lambda: stack.rows(live) == [(0,)], 30, "all tasks ended")
    print(f"{len(ticks)} ticks, {len(runs)} tasks, {kills} keepers killed in {KILLING_S:g} s")


def behind_s(stack: Stack, schedule: Json) -> float:
    where = f"WHERE id = '{schedule['schedule_id']}'"
    [(seconds,)] = stack.rows(f"SELECT extract(epoch FROM now() - next_fire_at)::float8 FROM schedules {where}")
    return float(seconds)
