"""Acts on many tasks: the set is fixed, each task is acted on once, whoever is killed when."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import pytest
from sqlalchemy import event, func, select

from task_system.model.bulk import Bulk, BulkAction, BulkState
from task_system.model.errors import BulkFinished, BulkNotFound, InvalidSubmission, TaskSystemError
from task_system.model.ids import new_id
from task_system.model.states import LIVE, State
from task_system.model.task import Extras, NewTask, Task
from task_system.store import bulk as module
from task_system.store.bulk import Bulks, Done
from task_system.store.files import Missing
from task_system.store.tables import bulk_items
from tests.contract.kit import Store, at_once, end_of, new_task


@pytest.fixture(autouse=True)
def _short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEP", 5)


def again(tasks: Sequence[Task], _missing: Missing) -> dict[UUID, NewTask | TaskSystemError]:
    assert not {task.state for task in tasks} & set(LIVE)
    return {task.id: new_task(extras=Extras(retry_of=task.id), task_type=task.task_type) for task in tasks}


def begun(store: Store, action: BulkAction, ids: list[UUID], reason: str | None = None) -> tuple[Bulks, Bulk]:
    """A bulk whose set is frozen."""
    bulks = Bulks(store.database)
    bulk = bulks.create(action, {"q": "anything"}, reason)
    bulks.freeze(bulk, ids, None)
    return bulks, bulks.get(bulk.id)


def run(bulks: Bulks, bulk: Bulk) -> list[Done]:
    steps = []
    while done := bulks.act(bulk.id, again):
        steps.append(done)
    return steps


def states(store: Store) -> dict[UUID, str]:
    return {id_: row["state"] for id_, row in store.rows()[0].items()}


def left(store: Store) -> int:
    with store.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(bulk_items)) or 0


def test_what_waits_is_cancelled_what_runs_is_asked_and_what_is_over_left_alone(store: Store) -> None:
    waiting, running = [store.submit().id for _ in range(8)], store.start()
    over = store.start()
    store.finish(over, end_of("success"))
    other, gone = store.submit().id, new_id()
    bulks, bulk = begun(store, BulkAction.CANCEL, [*waiting, running.id, over.id, gone], "enough")
    steps = run(bulks, bulk)
    assert {one.task_id for step in steps for one in step.settled} == set(waiting)
    assert states(store) == dict.fromkeys(waiting, "CANCELLED") | {
        running.id: "STARTED",
        over.id: "SUCCESS",
        other: "PENDING",
    }
    assert store.leases.to_cancel() == [running.id]
    assert {store.row(id_)["cancel_reason"] for id_ in waiting} == {"enough"}
    after = bulks.get(bulk.id)
    assert (after.state, after.matching, after.succeeded, after.skipped, after.failed) == ("done", 11, 9, 2, 0)
    assert (after.percent, left(store)) == (100.0, 0)
    assert after.finished_at


def test_what_is_over_runs_again_once_and_what_cannot_says_why(store: Store) -> None:
    failed = [store.put(State.FAILURE) for _ in range(7)]
    retried = store.put(State.FAILURE, retried_as=new_id())
    unknown = store.put(State.FAILURE, task_type="unknown")
    waiting = store.submit().id
    before = set(states(store))

    def only_known(tasks: Sequence[Task], missing: Missing) -> dict[UUID, NewTask | TaskSystemError]:
        refused = InvalidSubmission(errors=[{"path": "task_type", "message": "is unknown"}])
        return again(tasks, missing) | {task.id: refused for task in tasks if task.task_type == "unknown"}

    bulks, bulk = begun(store, BulkAction.RETRY, [*failed, retried, unknown, waiting])
    changed = []
    while done := bulks.act(bulk.id, only_known):
        changed += done.changed
    assert sorted(changed) == sorted(failed)
    after = bulks.get(bulk.id)
    assert (after.succeeded, after.skipped, after.failed) == (7, 2, 1)
    assert after.errors == [{"task_id": str(unknown), "message": "task_type: is unknown"}]
    rows = store.rows()[0]
    assert {rows[id_]["retried_as"] for id_ in failed} == set(rows) - before
    assert sorted(rows[id_]["retry_of"] for id_ in set(rows) - before) == sorted(failed)
    # Nobody but the relay publishes them.
    assert {d.task_id for d in store.upkeep.take_due(100)} >= set(rows) - before


def test_only_what_is_over_is_removed(store: Store) -> None:
    over = [store.put(state) for state in (State.SUCCESS, State.FAILURE, State.CANCELLED, State.EXPIRED)]
    lease = store.start()
    store.finish(lease, end_of("failure"))
    live = [store.submit().id, store.start().id]
    bulks, bulk = begun(store, BulkAction.DELETE, [*over, lease.id, *live])
    [first, _] = run(bulks, bulk)
    assert set(first.changed) <= {*over, lease.id}
    assert set(states(store)) == set(live)
    assert store.attempts(lease.id) == []
    after = bulks.get(bulk.id)
    assert (after.succeeded, after.skipped) == (5, 2)


def test_an_abort_stops_it_where_it_is(store: Store) -> None:
    ids = [store.submit().id for _ in range(12)]
    bulks, bulk = begun(store, BulkAction.CANCEL, ids)
    bulks.act(bulk.id, again)
    aborted = bulks.abort(bulk.id)
    assert (aborted.state, aborted.done) == ("aborted", 5)
    assert bulks.act(bulk.id, again) is None
    assert bulks.next() is None
    assert sorted(states(store).values()) == ["CANCELLED"] * 5 + ["PENDING"] * 7
    assert bulks.abort(bulk.id) == aborted
    assert [bulks.tidy(3600, 5), bulks.tidy(3600, 5)] == [5, 2]
    assert (left(store), bulks.get(bulk.id)) == (0, aborted)
    bulks.tidy(-1, 5)
    with pytest.raises(BulkNotFound):
        bulks.abort(bulk.id)


def test_what_is_over_cannot_be_aborted(store: Store) -> None:
    bulks, bulk = begun(store, BulkAction.CANCEL, [])
    run(bulks, bulk)
    assert (bulks.get(bulk.id).state, bulks.get(bulk.id).percent) == ("done", 100.0)
    with pytest.raises(BulkFinished):
        bulks.abort(bulk.id)


def test_a_page_is_frozen_once_and_nothing_after_the_end(store: Store) -> None:
    bulks = Bulks(store.database)
    bulk = bulks.create(BulkAction.CANCEL, {}, None)
    first, second, mark = new_id(), new_id(), new_id()
    assert bulk.frozen_to == bulk.id
    for _ in range(2):  # by two keepers
        bulks.freeze(bulk, [first], mark)
    between = bulks.get(bulk.id)
    assert (between.state, between.matching, between.frozen_to, between.percent) == ("freezing", 1, mark, 0.0)
    assert bulks.act(bulk.id, again) is None
    for _ in range(2):
        bulks.freeze(between, [second], None)
    assert (bulks.get(bulk.id).state, bulks.get(bulk.id).matching, left(store)) == ("running", 2, 2)


def test_all_have_their_turns(store: Store) -> None:
    bulks = Bulks(store.database)
    made = [begun(store, BulkAction.CANCEL, [store.submit().id for _ in range(12)])[1].id for _ in range(3)]
    turns = []
    while bulk := bulks.next():
        turns.append(bulk.id)
        bulks.act(bulk.id, again)
    assert turns == made * 3
    assert [bulk.id for bulk in bulks.newest(2)] == [made[2], made[1]]


def test_what_cannot_go_on_says_so(store: Store) -> None:
    bulks, bulk = begun(store, BulkAction.CANCEL, [store.submit().id])
    bulks.fail(bulk.id, "it broke")
    after = bulks.get(bulk.id)
    assert (after.state, after.errors) == (BulkState.FAILED, [{"message": "it broke"}])
    assert bulks.act(bulk.id, again) is None


class Killed(BaseException):
    """As if the process had ended here."""


@contextmanager
def killed_at(store: Store, number: int) -> Iterator[None]:
    """The process dies when it is about to send its n-th statement."""
    count = 0

    def before(*_: object) -> None:
        nonlocal count
        count += 1
        if count == number:
            raise Killed

    event.listen(store.database.engine, "before_cursor_execute", before)
    try:
        yield
    finally:
        event.remove(store.database.engine, "before_cursor_execute", before)


@pytest.mark.parametrize("action", list(BulkAction))
def test_killed_at_any_statement_it_goes_on_as_if_nothing_had_been(store: Store, action: BulkAction) -> None:
    state = State.PENDING if action is BulkAction.CANCEL else State.FAILURE
    ids = [store.put(state) for _ in range(7)]
    bulks, bulk = begun(store, action, ids)
    number, survived = 1, False
    while not survived:
        before, items, so_far = store.rows()[0], left(store), bulks.get(bulk.id)
        try:
            with killed_at(store, number):
                bulks.act(bulk.id, again)
            survived = True
        except Killed:
            assert (store.rows()[0], left(store), bulks.get(bulk.id)) == (before, items, so_far)
            number += 1
    assert number > 5
    run(bulks, bulk)
    after = bulks.get(bulk.id)
    assert (after.state, after.succeeded, after.skipped) == ("done", 7, 0)
    rows = store.rows()[0]
    if action is BulkAction.RETRY:
        assert len(rows) == 14
        assert {rows[id_]["retried_as"] for id_ in ids} == set(rows) - set(ids)
    else:
        assert set(rows) == (set(ids) if action is BulkAction.CANCEL else set())


@pytest.mark.parametrize("action", list(BulkAction))
def test_many_keepers_act_on_each_task_once(store: Store, action: BulkAction) -> None:
    state = State.PENDING if action is BulkAction.CANCEL else State.FAILURE
    ids = [store.put(state) for _ in range(60)]
    bulks, bulk = begun(store, action, ids)

    def keep(_number: int) -> int:
        count = 0
        while bulks.next():
            done = bulks.act(bulk.id, again)
            count += done.succeeded if done else 0
        return count

    assert sum(at_once(4, keep)) == 60
    after = bulks.get(bulk.id)
    assert (after.state, after.succeeded, after.skipped) == ("done", 60, 0)
    assert len(store.rows()[0]) == {"cancel": 60, "retry": 120, "delete": 0}[action]
