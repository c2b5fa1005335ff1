"""Threads of a worker that others rely on go on, whatever they meet."""

import queue
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from task_system.broker.results import ResultCopy, Results
from task_system.model.events import Events
from task_system.model.states import State
from task_system.model.task import Dispatch
from task_system.worker import returner
from task_system.worker.announcer import Announcer
from task_system.worker.returner import Returner
from task_system.worker.run import Run

SOON_S = 20


def test_what_cannot_be_given_back_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returner, "PAUSE_S", 0.01)
    errors = [RuntimeError("who knows")]
    parked: queue.SimpleQueue[Sequence[Run]] = queue.SimpleQueue()

    def park(_dispatches: Sequence[Dispatch]) -> None:
        if errors:
            raise errors.pop()

    run = cast("Run", SimpleNamespace(task_id=uuid4(), dispatch_no=1, queue="default.low", task_type="echo"))
    thread = Returner(park, parked.put)
    thread.start()
    thread.take(run)
    assert parked.get(timeout=SOON_S) == [run]
    thread.stop(SOON_S)


def test_a_result_that_cannot_be_copied_does_not_take_others_with_it() -> None:
    bad, good = (
        ResultCopy(task_id=uuid4(), state=State.SUCCESS, finished_at=datetime.now(UTC), error_type=None) for _ in "ab"
    )
    copied: queue.SimpleQueue[UUID] = queue.SimpleQueue()

    def put(copies: Sequence[ResultCopy]) -> None:
        if bad in copies:
            raise ValueError("who knows")
        for copy in copies:
            copied.put(copy.task_id)

    results: Any = SimpleNamespace(put=put)
    announcer = Announcer(cast("Results", results), Events())
    announcer.announce(bad)
    announcer.announce(good)
    announcer.start()
    assert copied.get(timeout=SOON_S) == good.task_id
    announcer.stop(SOON_S)
