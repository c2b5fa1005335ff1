"""Paused queues, held and refused task types, and the rows behind them, on both stores."""

import time
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text

from task_system.model.states import State
from task_system.store.controls import Closed, Controls
from task_system.store.looking import Backlog, Looking
from task_system.store.tables import PARKED, tasks
from task_system.store.types import now_plus
from tests.contract.kit import DEADLINE_S, Store, at_once, dispatch_of, end_of, new_task

QUEUE = "default.normal"


@pytest.fixture
def controls(store: Store) -> Controls:
    return Controls(store.database)


def parked(store: Store, task_id: UUID) -> bool:
    row = store.row(task_id)
    return row["relay_at"] is None and row["published_at"] is None and row["state"] in {"PENDING", "RETRY"}


def test_what_is_closed_is_known_to_all(store: Store, controls: Controls) -> None:
    assert controls.closed() is None
    made = controls.pause(QUEUE, None, "maintenance")
    assert (made.queue, made.until, made.reason) == (QUEUE, None, "maintenance")
    controls.set_type("echo", "hold", "odd results")
    controls.set_type("other", "refuse", "gone")
    others = Controls(store.database)
    assert others.closed() == Closed(frozenset({QUEUE}), frozenset({"echo"}), {"other": "gone"})
    assert others.paused() == {QUEUE: made}
    assert {name: control.control for name, control in others.types().items()} == {"echo": "hold", "other": "refuse"}
    controls.set_type("other", "hold", None)
    controls.resume(QUEUE)
    assert others.closed() == Closed(frozenset(), frozenset({"echo", "other"}), {})
    for name in ("echo", "other"):
        controls.allow_type(name)
    assert others.closed() is None


def test_a_pause_that_is_there_takes_the_new_end_and_reason(store: Store, controls: Controls) -> None:
    first = controls.pause(QUEUE, None, "one")
    until = store.now() + timedelta(hours=1)
    second = controls.pause(QUEUE, until, "two")
    assert (second.until, second.reason, second.since) == (until, "two", first.since)


def test_a_pause_ends_by_itself(store: Store, controls: Controls) -> None:
    controls.pause(QUEUE, store.now() + timedelta(hours=1), None)
    row = store.submit()
    controls.park([dispatch_of(row)])
    assert controls.let_go() == 0
    controls.pause(QUEUE, store.now() + timedelta(seconds=0.3), None)
    deadline = time.monotonic() + DEADLINE_S
    while controls.closed() is not None:
        assert time.monotonic() < deadline
    assert controls.paused() == {}
    assert controls.let_go() == 1
    assert [dispatch.task_id for dispatch in store.upkeep.take_due(10)] == [row.id]


def test_a_parked_row_is_nobodys_and_its_old_message_is_stale(store: Store, controls: Controls) -> None:
    row = store.submit()
    store.upkeep.confirm([dispatch_of(row)])
    controls.pause(QUEUE, None, None)
    controls.park([dispatch_of(row)])
    assert parked(store, row.id)
    assert store.row(row.id)["dispatch_no"] == 2
    assert store.claim(row.id) is None
    assert store.upkeep.take_due(10) == []
    assert controls.let_go() == 0
    controls.resume(QUEUE)
    assert controls.let_go() == 1
    [again] = store.upkeep.take_due(10)
    assert (again.task_id, again.dispatch_no) == (row.id, 2)
    assert store.claim(row.id, 2)


def test_who_comes_too_late_parks_nothing(store: Store, controls: Controls) -> None:
    running = store.start()
    over = store.start()
    store.finish(over, end_of("success"))
    anew = store.submit()
    store.change(anew.id, dispatch_no=2)
    before = [dict(store.row(id_)) for id_ in (running.id, over.id, anew.id)]
    controls.park([dispatch_of(new_task(id=id_)) for id_ in (running.id, over.id, anew.id)])
    assert [dict(store.row(id_)) for id_ in (running.id, over.id, anew.id)] == before


def test_only_what_nothing_keeps_is_let_go(store: Store, controls: Controls) -> None:
    rows = [
        store.submit(queue=queue, task_type=task_type)
        for queue in ("default.high", QUEUE, "default.low")
        for task_type in ("a", "b", "c")
        for _ in range(3)
    ]
    controls.park([dispatch_of(row) for row in rows])
    controls.pause(QUEUE, None, None)
    controls.set_type("b", "hold", None)
    assert controls.let_go(5) == 5
    assert controls.let_go() == 7
    assert controls.let_go() == 0
    assert {row.id for row in rows if parked(store, row.id)} == {
        row.id for row in rows if row.queue == QUEUE or row.task_type == "b"
    }
    controls.resume(QUEUE)
    controls.allow_type("b")
    assert sum(at_once(3, lambda _: Controls(store.database).let_go())) == 15


def test_a_parked_row_whose_time_has_not_come_waits_for_it(store: Store, controls: Controls) -> None:
    row = store.submit(delay_s=3600.0)
    controls.park([dispatch_of(row)])
    assert controls.let_go() == 1
    assert store.row(row.id)["relay_at"] == store.row(row.id)["run_at"]


@pytest.mark.parametrize("reopen", ["resume", "let_go", "allow_type"])
def test_what_came_just_before_it_was_opened_does_not_wait_for_the_grace(
    store: Store, controls: Controls, reopen: str
) -> None:
    kept, later, published = store.submit(), store.submit(delay_s=3600.0), store.submit()
    store.change(later.id, relay_at=now_plus(4))
    store.change(published.id, published_at=now_plus(0), relay_at=None)
    others = {row.id: store.row(row.id) for row in (later, published)}
    store.change(kept.id, relay_at=now_plus(4.9))
    soon = store.row(kept.id)["relay_at"]
    controls.resume(QUEUE)
    assert store.row(kept.id)["relay_at"] == soon, "it was not closed"
    if reopen == "resume":
        controls.pause(QUEUE, None, None)
        controls.resume(QUEUE)
    elif reopen == "let_go":
        controls.pause(QUEUE, store.now(), None)
        controls.let_go()
    else:
        controls.set_type("echo", "hold", None)
        controls.allow_type("echo")
    assert store.row(kept.id)["relay_at"] <= store.now()
    assert {row.id: store.row(row.id) for row in (later, published)} == others


def test_a_purge_cancels_what_waits_and_nothing_else(store: Store, controls: Controls) -> None:
    waiting = [store.submit() for _ in range(3)]
    store.upkeep.confirm([dispatch_of(waiting[0])])
    controls.park([dispatch_of(waiting[1])])
    scheduled = store.submit(delay_s=3600.0)
    again = store.start()
    store.finish(again, end_of("retry"))
    other = store.submit(queue="default.low")
    running = store.start()
    settled = [one for batch in controls.purge(QUEUE, "queue purged: wrong input") for one in batch]
    cancelled = {*(row.id for row in waiting), scheduled.id, again.id}
    assert {one.task_id for one in settled} == cancelled
    assert len(settled) == len(cancelled)
    for task_id in cancelled:
        row = store.row(task_id)
        assert (row["state"], row["cancel_reason"]) == (State.CANCELLED, "queue purged: wrong input")
        assert row["finished_at"]
    assert store.claim(waiting[0].id) is None
    assert store.row(other.id)["state"] == State.PENDING
    assert store.finish(running, end_of("success"))
    assert [batch for batch in controls.purge(QUEUE, "again") if batch] == []


def test_a_purge_of_many_goes_through_each_index_once(store: Store, controls: Controls) -> None:
    """Among many of another lane, and in every state that a waiting row can be in."""
    mine = [new_task() for _ in range(2400)]
    others = [new_task(queue="email_sending.normal") for _ in range(2400)]
    store.submissions.record([row for pair in zip(mine, others, strict=True) for row in pair])
    controls.park([dispatch_of(row) for row in mine[:700] + others[:700]])
    store.upkeep.confirm([dispatch_of(row) for row in mine[700:1400] + others[700:1400]])
    batches = [len(batch) for batch in controls.purge(QUEUE, "queue purged") if batch]
    assert (sum(batches), max(batches)) == (2400, 1000)
    rows, _ = store.rows()
    assert {row["state"] for row in rows.values() if row["queue"] == QUEUE} == {"CANCELLED"}
    assert {row["state"] for row in rows.values() if row["queue"] != QUEUE} == {"PENDING"}


def test_what_is_put_aside_waits_in_its_queue(
    store: Store, controls: Controls, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, queues = Looking(store.database), (QUEUE, "default.low")
    assert looking.backlogs(queues) == dict.fromkeys(queues, Backlog(0, None))
    first, second, third = (store.submit() for _ in range(3))
    store.submit(queue="default.low", delay_s=3600.0)
    controls.park([dispatch_of(row) for row in (first, second)])
    store.upkeep.confirm([dispatch_of(third)])
    oldest = store.row(first.id)["run_at"]
    assert looking.backlogs(queues) == {QUEUE: Backlog(3, oldest), "default.low": Backlog(0, None)}
    monkeypatch.setattr("task_system.store.looking.MOST", 2)
    assert looking.backlogs(queues)[QUEUE].waiting == 2


def test_looking_for_what_is_parked_reads_an_index(sqlite: Store) -> None:
    statement = select(tasks.c.queue, tasks.c.task_type).where(text(PARKED)).order_by("queue", "task_type").limit(1)
    compiled = statement.compile(sqlite.database.engine, compile_kwargs={"literal_binds": True})
    with sqlite.database.read() as connection:
        plan = connection.execute(text(f"EXPLAIN QUERY PLAN {compiled}")).all()
    assert "tasks_parked" in str(plan)
