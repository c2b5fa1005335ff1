"""Server-sent events over HTTP, the same in both modes."""

import random
import threading
import uuid
from collections import defaultdict
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest
import requests

from tests.integration.listener import Listener, crowded, frames
from tests.integration.service import Service, Stack
from tests.integration.test_api import problem
from tests.standstill import Stopwatch

LIFE = ["task.accepted", "task.started", "task.succeeded"]


def open_stream(service: Service, path: str = "/api/events") -> Listener:
    """A listener that stands at now."""
    listener = Listener(service, path)
    with closing(listener.open()) as answer:
        listener.last_id, name, data = next(frames(answer))
    assert (name, data) == ("hello", {"cursor": listener.last_id})
    return listener


def test_a_task_s_life_is_told_as_it_happens(service: Service) -> None:
    listener = open_stream(service)
    sent = service.submit("test_flaky", {"times": 1}, tags=["told"])
    listener.path += f"?task_id={sent['task_id']}"
    events = list(listener.listen(5))
    names = [event["event"] for event in listener.events]
    assert names == ["task.accepted", "task.started", "task.retry", "task.started", "task.succeeded"]
    assert [event["attempt"] for event in listener.events] == [0, 1, 1, 2, 2]
    assert all(event["tags"] == ["told"] for event in listener.events)
    task = service.task(sent["task_id"])
    assert listener.events[-1]["at"] == task["finished_at"] or service.mode == "embedded"
    assert listener.events[0]["created_at"] == task["created_at"]
    assert events[0] == {"cursor": events[0]["cursor"]}


@pytest.mark.parametrize(
    "query",
    ["tag={tag}", "type=test_echo&tag={tag}", "state=success,started&tag={tag}", "queue=default.high&tag={tag}"],
)
def test_filters(service: Service, query: str) -> None:
    tag = f"tag-{uuid.uuid4().hex}"
    listener = open_stream(service)
    listener.path += "?" + query.format(tag=tag)
    service.run("test_noop", priority="low")
    service.run("test_noop", priority="low", tags=[tag])
    sent = service.run("test_echo", {"value": 1}, priority="high", tags=[tag, "other"])
    wanted = {"tag": 6, "type": 3, "state": 4, "queue": 3}[query.partition("=")[0]]
    list(listener.listen(wanted))
    assert all(tag in event["tags"] for event in listener.events)
    assert listener.events[-1]["task_id"] == sent["task_id"]
    if query.startswith("state"):
        assert {event["state"] for event in listener.events} == {"SUCCESS", "STARTED"}
    if wanted == 3:
        assert [event["event"] for event in listener.events] == LIFE


def test_nothing_is_missed_across_reconnects(service: Service) -> None:
    """Whoever goes away at random while tasks run, and comes back, hears of each step once and in order."""
    tag = f"tag-{uuid.uuid4().hex}"
    listener, chance = open_stream(service), random.Random(7)
    listener.path += f"?tag={tag}"
    ids: list[str] = []

    def submit() -> None:
        for _ in range(40):
            answer = requests.post(
                f"{service.base_url}/api/tasks", json={"task_type": "test_noop", "tags": [tag]}, timeout=20
            )
            ids.append(answer.json()["task_id"])

    thread = threading.Thread(target=submit)
    thread.start()
    connections = 0
    while len(listener.events) < 120:
        list(listener.listen(min(120, len(listener.events) + chance.randint(1, 20))))
        connections += 1
    thread.join()
    told = defaultdict(list)
    for event in listener.events:
        told[event["task_id"]].append(event["event"])
    assert told == dict.fromkeys(ids, LIFE)
    assert connections > 5


def test_nothing_is_missed_while_the_web_process_starts_anew(stack: Stack) -> None:
    tag = f"tag-{uuid.uuid4().hex}"
    listener = open_stream(stack)
    listener.path += f"?tag={tag}"
    gate = str(stack.folder / f"gate-{tag}")
    first = stack.submit("test_slow_gate", {"gate": gate}, tags=[tag])["task_id"]
    assert [event["event"] for event in islice(listener.listen(), 1, 3)] == LIFE[:2]
    web = stack.processes["web"]
    with closing(listener.open()) as hanging:
        # Kept, since letting go of it would end the stream.
        reading = frames(hanging)
        next(reading)
        watch = Stopwatch()
        web.stop(20)
        assert watch.s < 10, "an open stream keeps the process from ending"
    Path(gate).touch()
    stack.start()
    stack.finished(first)
    second = stack.run("test_noop", tags=[tag])["task_id"]
    list(listener.listen(6))
    assert [(event["task_id"], event["event"]) for event in listener.events] == [
        *((first, name) for name in LIFE),
        *((second, name) for name in LIFE),
    ]


def test_a_task_s_own_stream_begins_with_it_and_ends_with_it(service: Service) -> None:
    gate = str(service.folder / f"gate-{uuid.uuid4().hex}")
    sent = service.submit("test_slow_gate", {"gate": gate})
    listener = Listener(service, f"/api/tasks/{sent['task_id']}/events")
    names = []
    for data in listener.listen():
        names.append(listener.names[-1])
        if names[-1] == "snapshot":
            assert data["task_id"] == sent["task_id"]
            assert data["state"] in {"PENDING", "STARTED"}
            Path(gate).touch()
    assert names[:2] == ["hello", "snapshot"]
    assert [name for name in names[2:] if name] in (
        ["task.succeeded", "end"],
        ["task.started", "task.succeeded", "end"],
    )
    assert listener.last_id == "end"
    with closing(listener.open()) as answer:
        assert answer.status_code == 204
    again = Listener(service, listener.path)
    list(again.listen())
    assert again.names == ["hello", "snapshot", "end"]


def test_who_comes_back_to_a_task_hears_its_end(service: Service) -> None:
    gate = str(service.folder / f"gate-{uuid.uuid4().hex}")
    sent = service.submit("test_slow_gate", {"gate": gate})
    listener = Listener(service, f"/api/tasks/{sent['task_id']}/events")
    assert len(list(islice(listener.listen(), 2))) == 2
    Path(gate).touch()
    service.finished(sent["task_id"])
    list(listener.listen())
    assert listener.names[2:4] == ["hello", "snapshot"]
    assert listener.names[-2:] == ["task.succeeded", "end"]


def test_what_cannot_be_followed(service: Service) -> None:
    missing = service.get(f"/api/tasks/{uuid.uuid4()}/events")
    assert problem(missing, 404)["error"] == "task_not_found"
    wrong = service.get("/api/events?state=done&colour=red")
    assert {error["path"] for error in problem(wrong, 422)["errors"]} == {"state.0", "colour"}


def test_a_cursor_that_is_not_known_resets(service: Service) -> None:
    listener = Listener(service, "/api/events?after=long-ago%0Aevent:%20forged")
    hello, reset = islice(listener.listen(), 2)
    assert listener.names == ["hello", "reset"]
    assert hello["cursor"] == reset["cursor"] == listener.last_id
    listener.path = "/api/events"
    task_id = service.run("test_noop")["task_id"]
    told = [event for event in islice(listener.listen(), 1, 4) if event.get("task_id") == task_id]
    assert told


def test_streams_leave_room_for_requests(service: Service) -> None:
    with crowded(service):
        refused = service.get("/api/events")
        assert problem(refused, 503)["error"] == "too_many_streams"
        assert int(refused.headers["Retry-After"]) > 0
        assert service.run("test_echo", {"value": 1})["result"] == 1
