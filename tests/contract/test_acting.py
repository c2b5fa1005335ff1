"""What callers may do to a task, and that nobody does it twice."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest

from task_system.model.errors import TaskFinished, TaskNotFinished, TaskNotFound, TaskNotWaiting
from task_system.model.ids import new_id
from task_system.model.outcome import Claim, Finish
from task_system.model.routing import Priority
from task_system.model.states import State
from task_system.model.task import Dispatch, Extras
from task_system.store.acting import Change
from task_system.store.types import now_plus
from tests.contract.kit import Store, at_once, dispatch_of, end_of, new_task

ROUNDS = 1000


def test_a_waiting_task_is_over_at_once_and_never_starts(store: Store) -> None:
    row = store.submit()
    cancelled = store.acting.cancel(row.id, "not needed")
    assert (cancelled.state, cancelled.before) == (State.CANCELLED, False)
    after = store.row(row.id)
    assert (after["cancel_reason"], after["finished_at"], after["relay_at"]) == (
        "not needed",
        cancelled.finished_at,
        None,
    )
    assert store.claim(row.id) is None
    assert store.upkeep.take_due(10) == []


def test_a_second_cancel_says_so_and_changes_nothing(store: Store) -> None:
    row = store.submit()
    store.acting.cancel(row.id, "first")
    before = store.row(row.id)
    again = store.acting.cancel(row.id, "second")
    assert (again.state, again.finished_at, again.before) == (State.CANCELLED, before["finished_at"], True)
    assert store.row(row.id) == before


def test_a_running_task_is_marked_and_its_worker_told(store: Store) -> None:
    lease, other = store.start(), store.start()
    assert store.leases.to_cancel() == []
    assert store.acting.cancel(lease.id, "enough").finished_at is None
    asked_at = store.row(lease.id)["cancel_requested_at"]
    assert store.acting.cancel(lease.id, "really").state is State.STARTED
    assert (store.row(lease.id)["cancel_requested_at"], store.row(lease.id)["cancel_reason"]) == (asked_at, "enough")
    assert store.leases.to_cancel() == [lease.id]
    assert store.leases.extend({lease.id: lease.lease_token, other.id: other.lease_token})[1] == {lease.id}
    recorded = store.finish(lease, end_of("retry"))
    assert recorded
    assert recorded.state is State.CANCELLED
    assert store.leases.to_cancel() == []


@pytest.mark.parametrize("outcome", ["success", "failure"])
def test_what_is_over_cannot_be_cancelled(store: Store, outcome: str) -> None:
    lease = store.start()
    store.finish(lease, end_of(outcome))
    before = store.row(lease.id)
    with pytest.raises(TaskFinished) as refused:
        store.acting.cancel(lease.id, None)
    assert refused.value.facts["state"] == before["state"]
    assert store.row(lease.id) == before


def test_what_is_not_there_cannot_be_cancelled(store: Store) -> None:
    with pytest.raises(TaskNotFound):
        store.acting.cancel(new_id(), None)


def test_a_cancel_races_start_and_finish_and_one_of_them_wins(store: Store) -> None:
    """Exactly one of cancelled or succeeded, and no start after the cancel of a waiting task was answered."""
    rows = [new_task() for _ in range(ROUNDS)]
    store.submissions.record(rows)
    answered: dict[object, State] = {}
    started_after: list[object] = []
    turn = threading.Barrier(2, timeout=60)

    def work(number: int) -> None:
        for row in rows:
            turn.wait()
            if number:
                try:
                    answered[row.id] = store.acting.cancel(row.id, "race").state
                except TaskFinished:
                    answered[row.id] = State.SUCCESS
            else:
                before = answered.get(row.id)
                claim = Claim(row.id, 1, uuid4())
                claimed = store.leases.settle([], [claim])[1]
                if claimed and before is State.CANCELLED:
                    started_after.append(row.id)
                if claimed:
                    store.leases.settle([Finish(row.id, claim.lease_token, end_of("success"))], [])

    at_once(2, work)
    stored, outcomes = store.rows()
    assert started_after == []
    assert outcomes == {}
    for row in rows:
        state, attempt = stored[row.id]["state"], stored[row.id]["attempt"]
        assert (state, attempt) in {("CANCELLED", 0), ("SUCCESS", 1)}
        # A cancel that was asked for while it ran may come too late; one that was answered as done was done.
        assert answered[row.id] is State.CANCELLED if state == "CANCELLED" else answered[row.id] is not State.CANCELLED
        assert stored[row.id]["finished_at"] - stored[row.id]["created_at"] < timedelta(minutes=5)
    assert {row["state"] for row in stored.values()} == {"CANCELLED", "SUCCESS"}, "the race was none"


# Again, and otherwise.


@pytest.mark.parametrize("outcome", ["success", "failure", "cancelled"])
def test_what_is_over_runs_again_as_another_task(store: Store, outcome: str) -> None:
    lease = store.start()
    store.finish(lease, end_of(outcome))
    before = dict(store.row(lease.id))
    again = new_task(extras=Extras(retry_of=lease.id))
    recorded = store.acting.retry(lease.id, again)
    assert recorded.due
    assert dict(store.row(lease.id)) == before | {"retried_as": again.id}
    assert store.row(again.id)["retry_of"] == lease.id
    assert store.claim(again.id)


def test_what_is_not_over_cannot_be_retried_and_nothing_is_recorded(store: Store) -> None:
    waiting, running, again = store.submit(), store.start(), new_task()
    for task_id in (waiting.id, running.id):
        with pytest.raises(TaskNotFinished):
            store.acting.retry(task_id, again)
    with pytest.raises(TaskNotFound):
        store.acting.retry(new_id(), again)
    assert again.id not in store.rows()[0]


def test_another_time_or_priority_is_a_new_dispatch(store: Store) -> None:
    row = store.submit(delay_s=3600.0)
    dispatch = store.acting.change(row.id, Change(now=True))
    assert dispatch == dispatch_of(row, 2)
    assert store.row(row.id)["run_at"] <= store.now()
    assert store.acting.change(row.id, Change(now=True)) is None, "it runs as soon as it can already"
    high = store.acting.change(row.id, Change(priority=Priority.HIGH))
    assert high == Dispatch(row.id, 3, "default.high", "echo")
    later = store.now() + timedelta(hours=2)
    assert store.acting.change(row.id, Change(run_at=later)) is None
    after = store.row(row.id)
    assert (after["run_at"], after["relay_at"], after["dispatch_no"], after["published_at"]) == (later, later, 4, None)
    assert [store.claim(row.id, number) for number in (1, 2, 3)] == [None] * 3
    before = store.now()
    assert store.acting.change(row.id, Change(run_at=before - timedelta(days=9))) == Dispatch(
        row.id, 5, "default.high", "echo"
    )
    assert before <= store.row(row.id)["run_at"] <= store.now(), "a moment that has passed means now"


def test_other_tags_are_no_new_dispatch(store: Store) -> None:
    row = store.submit()
    assert store.acting.change(row.id, Change(tags=("a", "b"))) is None
    assert (store.row(row.id)["tags"], store.row(row.id)["dispatch_no"]) == (["a", "b"], 1)
    store.acting.change(row.id, Change(tags=()))
    assert store.row(row.id)["tags"] is None


def test_only_what_waits_can_be_changed(store: Store) -> None:
    lease = store.start()
    with pytest.raises(TaskNotWaiting):
        store.acting.change(lease.id, Change(now=True))
    store.finish(lease, end_of("success"))
    with pytest.raises(TaskNotWaiting):
        store.acting.change(lease.id, Change(tags=("late",)))
    with pytest.raises(TaskNotFound):
        store.acting.change(new_id(), Change(now=True))


# In time or never.


def test_what_was_not_started_in_time_never_is(store: Store) -> None:
    late = store.submit(extras=Extras(expires_in_s=0.0))
    early = store.submit(extras=Extras(expires_in_s=3600.0))
    assert store.claim(late.id) is None
    started = store.claim(early.id)
    assert started
    assert not started.plain
    assert [(one.task_id, one.state) for one in store.expiry.expire(10)] == [(late.id, State.EXPIRED)]
    assert store.expiry.expire(10) == []
    assert store.row(late.id)["finished_at"]
    assert store.row(early.id)["state"] == "STARTED"


def test_what_was_started_in_time_may_end_later_but_not_start_again(store: Store) -> None:
    lease, again = (store.start(extras=Extras(expires_in_s=3600.0)) for _ in range(2))
    for one in (lease, again):
        store.change(one.id, expires_at=now_plus(-1))
    assert store.expiry.expire(10) == []
    store.finish(lease, end_of("success"))
    store.finish(again, end_of("retry", delay_s=0.0))
    assert [one.task_id for one in store.expiry.expire(10)] == [again.id]
