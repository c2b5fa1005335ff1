"""Threads of a worker that others rely on go on, whatever they meet."""

import queue
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from task_system.broker.results import ResultCopy, Results
from task_system.model.errors import StoreUnavailable
from task_system.model.events import Events
from task_system.model.states import State
from task_system.model.task import Dispatch
from task_system.store.leases import Leases
from task_system.store.workers import Identity, Workers
from task_system.worker import heartbeat, returner
from task_system.worker.announcer import Announcer
from task_system.worker.heartbeat import Heartbeat
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


def test_leases_are_kept_first_and_a_heartbeat_that_failed_is_made_up_for_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heartbeat, "TELL_EVERY_S", 0.01)
    lease = {uuid4(): uuid4()}
    kept: queue.SimpleQueue[dict[UUID, UUID]] = queue.SimpleQueue()

    def extend(leases: dict[UUID, UUID]) -> tuple[set[UUID], set[UUID]]:
        kept.put(leases)
        return set(leases), set()

    def away(*_: object, **__: object) -> None:
        raise StoreUnavailable

    leases: Any = SimpleNamespace(extend=extend, still_reserved=away, to_cancel=list)
    workers: Any = SimpleNamespace(beat=away, leave=lambda _name: None)
    thread = Heartbeat(
        cast("Leases", leases),
        cast("Workers", workers),
        Identity(name="worker@here", role="worker", host="here", pid=1, version="1"),
        every_s=SOON_S,
        leases_now=lambda: lease,
        perhaps_now=dict,
        reserved_now=dict,
        on_cancel=lambda _task_id: None,
        on_lost=lambda _task_id, _token: None,
        each_time=lambda: None,
    )
    thread.start()
    assert [kept.get(timeout=SOON_S / 2) for _ in range(3)] == [lease] * 3
    thread.stop()
