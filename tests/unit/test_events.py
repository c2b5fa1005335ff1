"""Events reach everybody who subscribed, and nobody can disturb whoever emits."""

import logging
from typing import Any

import pytest

from task_system.model.events import EVENTS, Events
from task_system.telemetry import logs


def test_every_subscriber_is_told_name_and_facts() -> None:
    told: list[tuple[str, dict[str, Any]]] = []
    events = Events(lambda *event: told.append(event), lambda *event: told.append(event))
    events.emit("task.accepted", count=3, duration_s=0.1)
    assert told == [("task.accepted", {"count": 3, "duration_s": 0.1})] * 2


def test_a_subscriber_that_raises_is_logged_and_the_others_are_told(caplog: pytest.LogCaptureFixture) -> None:
    told = []

    def broken(_name: str, _facts: dict[str, Any]) -> None:
        raise RuntimeError("no room")

    with caplog.at_level(logging.ERROR):
        Events(broken, lambda name, _facts: told.append(name)).emit("task.zombie")
    assert told == ["task.zombie"]
    assert "a subscriber of task.zombie failed" in caplog.text
    assert "no room" in caplog.text


def test_an_event_that_is_not_listed_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"unknown event 'task\.vanished'"):
        Events().emit("task.vanished")


def test_every_event_says_when_it_is_emitted() -> None:
    assert all(name.count(".") == 1 and text for name, text in EVENTS.items())


def test_a_schedule_that_was_paused_for_its_failures_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    Events(logs.subscriber).emit("keeper.schedule_paused", schedule="nightly")
    [record] = caplog.records
    assert (record.levelname, record.getMessage()) == ("WARNING", "keeper.schedule_paused")
