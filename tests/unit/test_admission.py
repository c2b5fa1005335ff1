"""What may be dispatched now, and what the question costs."""

import time
from collections.abc import Callable

import pytest

from task_system.dispatch import admission as module
from task_system.dispatch.admission import Admission
from task_system.model.errors import StoreUnavailable, TaskTypeRefused
from task_system.model.ids import new_id
from task_system.model.task import Dispatch
from task_system.store.controls import Closed

DISPATCHES = [
    Dispatch(new_id(), 1, queue, task_type) for queue in ("default.high", "default.low") for task_type in ("a", "b")
]


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_everything_may_where_nothing_is_closed() -> None:
    admission = Admission(lambda: None)
    assert admission.admit(DISPATCHES) == DISPATCHES
    assert not admission.keeps("default.high", "a")
    admission.check("a")
    admission.stop()


def test_what_is_closed_stays() -> None:
    closed = Closed(frozenset({"default.low"}), frozenset({"b"}), {"c": "the other side is down", "d": None})
    admission = Admission(lambda: closed)
    assert admission.admit(DISPATCHES) == DISPATCHES[:1]
    assert admission.keeps("default.low", "a")
    assert admission.keeps("default.high", "b")
    admission.check("a")
    with pytest.raises(TaskTypeRefused, match="the other side is down"):
        admission.check("c")
    with pytest.raises(TaskTypeRefused, match="no reason was given"):
        admission.check("d")
    admission.stop()


def test_a_change_is_seen_and_an_outage_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_EVERY_S", 0.01)
    known: list[Closed | None] = [None]
    asked = [0]

    def read() -> Closed | None:
        asked[0] += 1
        if not known:
            raise StoreUnavailable
        return known[0]

    admission = Admission(read)
    assert not admission.keeps("default.high", "a")
    known[0] = Closed(frozenset({"default.high"}))
    wait_until(lambda: admission.keeps("default.high", "a"))
    known.clear()
    before = asked[0]
    wait_until(lambda: asked[0] > before + 2)
    assert admission.keeps("default.high", "a")
    known.append(None)
    wait_until(lambda: not admission.keeps("default.high", "a"))
    admission.stop()


def test_a_question_costs_less_than_a_microsecond_where_nothing_is_closed() -> None:
    admission = Admission(lambda: None)
    admission.start()
    rounds = 20_000

    def seconds() -> float:
        started = time.perf_counter()
        for _ in range(rounds):
            admission.check("a")
            admission.admit(DISPATCHES)
        return (time.perf_counter() - started) / rounds / 2

    best = min(seconds() for _ in range(10))
    admission.stop()
    print(f"{best * 1e9:.0f} ns")
    assert best < 1e-6
