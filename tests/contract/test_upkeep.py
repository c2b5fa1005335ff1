"""What the keeper does to rows: each of them gets its turn, once, and nobody's work is undone."""

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from task_system.model.errors import TaskNotFound
from task_system.model.ids import new_id
from task_system.model.routing import PRIORITIES, Priority
from task_system.model.states import LIVE, TERMINAL, State
from task_system.model.task import Dispatch
from task_system.store.tables import attempts
from task_system.store.types import now_plus
from task_system.store.upkeep import REPUBLISH_AFTER_S, Rescued
from tests.contract.kit import Store, at_once, dispatch_of, end_of, id_at, new_task

LONG_AGO_S = 100.0
DAY_S = 86_400.0


def due(store: Store, count: int = 1, **changed: object) -> list[Dispatch]:
    """Recorded submissions whose messages somebody should publish."""
    rows = [new_task(**changed) for _ in range(count)]
    store.submissions.record(rows)
    store.make_due(*(row.id for row in rows))
    return [dispatch_of(row) for row in rows]


def published(store: Store, ago_s: float, **changed: object) -> Dispatch:
    """A submission whose message the broker took so long ago."""
    dispatch = dispatch_of(store.submit(**changed))
    store.change(dispatch.task_id, published_at=now_plus(-ago_s), relay_at=None)
    return dispatch


# The relay.


def test_taking_brings_what_a_message_says(store: Store) -> None:
    (dispatch,) = due(store, queue="email_sending.low", priority=Priority.LOW, task_type="email_sending")
    assert store.upkeep.take_due(10) == [dispatch]


def test_high_is_taken_before_normal_before_low_and_the_longest_due_first(store: Store) -> None:
    rows = [new_task(priority=priority) for priority in reversed(PRIORITIES) for _ in range(3)]
    store.submissions.record(rows)
    for age, row in enumerate(rows):
        store.change(row.id, relay_at=now_plus(-100 + age))
    low, normal, high = ([row.id for row in rows[n : n + 3]] for n in (0, 3, 6))

    assert [d.task_id for d in store.upkeep.take_due(2)] == high[:2]
    assert {d.task_id for d in store.upkeep.take_due(3)} == {high[2], *normal[:2]}
    rest = [d.task_id for d in store.upkeep.take_due(10)]
    assert rest[0] == normal[2]
    assert set(rest[1:]) == set(low)


def test_taken_rows_are_not_taken_again_until_a_confirm_is_overdue(store: Store) -> None:
    taken, before = due(store, 5), store.now()
    assert len(store.upkeep.take_due(10)) == 5
    after = store.now()
    assert store.upkeep.take_due(10) == []
    for dispatch in taken:
        taken_at = store.row(dispatch.task_id)["relay_at"] - timedelta(seconds=REPUBLISH_AFTER_S)
        assert before <= taken_at <= after
    store.make_due(taken[0].task_id)
    assert store.upkeep.take_due(10) == [taken[0]]


def test_what_is_not_due_is_not_taken(store: Store) -> None:
    store.submit(delay_s=60)
    store.submit()
    lease = store.start()
    store.finish(lease, end_of("retry", delay_s=60.0))
    assert store.upkeep.take_due(10) == []


def test_a_retry_is_taken_under_its_new_number_once_due(store: Store) -> None:
    lease = store.start()
    store.finish(lease, end_of("retry", delay_s=0.0))
    (dispatch,) = store.upkeep.take_due(10)
    assert (dispatch.task_id, dispatch.dispatch_no) == (lease.id, 2)


def test_many_relays_take_each_row_once(store: Store) -> None:
    dispatches = due(store, 200)

    def take(_number: int) -> list[Dispatch]:
        taken: list[Dispatch] = []
        while some := store.upkeep.take_due(15):
            taken += some
        return taken

    taken = [dispatch for part in at_once(6, take) for dispatch in part]
    assert Counter(taken) == Counter(dispatches)


# The publisher.


def test_a_confirmed_row_waits_for_nobody(store: Store) -> None:
    before = store.now()
    dispatches = due(store, 3)
    assert store.upkeep.confirm(dispatches) == 3
    for dispatch in dispatches:
        row = store.row(dispatch.task_id)
        assert row["relay_at"] is None
        assert before <= row["published_at"] <= store.now()
    assert store.upkeep.take_due(10) == []


def test_confirms_of_several_numbers_at_once(store: Store) -> None:
    first = dispatch_of(store.submit())
    second = dispatch_of(store.submit(), 2)
    store.change(second.task_id, dispatch_no=2)
    stale = dispatch_of(store.submit(), 1)
    store.change(stale.task_id, dispatch_no=2)
    assert store.upkeep.confirm([first, second, stale]) == 2
    assert store.row(first.task_id)["published_at"]
    assert store.row(second.task_id)["published_at"]
    assert store.row(stale.task_id)["published_at"] is None
    assert store.row(stale.task_id)["relay_at"]


def test_confirms_come_in_any_number(store: Store) -> None:
    dispatches = due(store, 1500)
    store.change(dispatches[7].task_id, dispatch_no=2)
    dispatches[7] = Dispatch(dispatches[7].task_id, 2, "default.normal", "echo")
    assert store.upkeep.confirm(dispatches) == 1500


@pytest.mark.parametrize("state", [*sorted(TERMINAL), State.STARTED])
def test_a_late_confirm_is_no_news(store: Store, state: State) -> None:
    task_id = store.put(state)
    before = store.row(task_id)
    assert store.upkeep.confirm([Dispatch(task_id, 1, "default.normal", "echo")]) == 0
    assert store.row(task_id) == before


def test_what_the_broker_refused_is_the_relays_again_at_once(store: Store) -> None:
    refused, later, confirmed = due(store)[0], dispatch_of(store.submit(delay_s=60)), published(store, 1)
    store.upkeep.take_due(10)
    running = store.start()
    before = store.row(running.id)
    store.upkeep.release([refused, later, confirmed, Dispatch(running.id, 1, "default.normal", "echo")])
    assert store.upkeep.take_due(10) == [refused]
    assert store.row(later.task_id)["relay_at"] == store.row(later.task_id)["run_at"]
    assert store.row(confirmed.task_id)["relay_at"] is None
    assert store.row(running.id) == before


# The worker that holds a message.


def test_a_worker_says_which_messages_it_holds(store: Store) -> None:
    waiting = [dispatch_of(store.submit()) for _ in range(2)]
    store.change(waiting[1].task_id, dispatch_no=4)
    before = store.now()
    store.leases.still_reserved({waiting[0].task_id: 1, waiting[1].task_id: 4})
    after = store.now()
    for dispatch in waiting:
        row = store.row(dispatch.task_id)
        assert row["relay_at"] is None
        assert before <= row["published_at"] <= after
    assert store.upkeep.published_queues(LONG_AGO_S) == []


def test_a_worker_that_holds_an_old_copy_keeps_nobody_from_publishing_the_new_one(store: Store) -> None:
    lease = store.start()
    store.finish(lease, end_of("retry", delay_s=0.0))
    store.leases.still_reserved({lease.id: 1})
    assert [d.dispatch_no for d in store.upkeep.take_due(10)] == [2]


@pytest.mark.parametrize("state", [*sorted(TERMINAL), State.STARTED])
def test_what_does_not_wait_cannot_be_reserved(store: Store, state: State) -> None:
    task_id = store.put(state)
    before = store.row(task_id)
    store.leases.still_reserved({task_id: 1})
    assert store.row(task_id) == before


# The rescuer.


def test_a_lease_that_ran_out_ends_and_the_task_runs_again(store: Store) -> None:
    lease = store.start()
    store.expire_lease(lease.id)
    before = store.now()
    assert store.upkeep.rescue(10, poison_after=3, delay_s=7.0) == [Rescued(lease.id, "echo", 1, State.RETRY)]

    row = store.row(lease.id)
    assert (row["state"], row["dispatch_no"], row["lost_leases"], row["uncharged_attempts"]) == ("RETRY", 2, 1, 0)
    assert (row["lease_token"], row["lease_until"], row["finished_at"], row["published_at"]) == (None,) * 4
    assert before <= row["run_at"] - timedelta(seconds=7) <= store.now()
    assert timedelta(0) <= row["relay_at"] - row["run_at"] < timedelta(seconds=1)
    assert row["error_type"] == "WorkerLost"
    (attempt,) = store.attempts(lease.id)
    assert (attempt["attempt"], attempt["outcome"], attempt["worker"]) == (1, "lost", "worker@here")
    assert attempt["started_at"] == lease.started_at
    assert attempt["error_type"] == "WorkerLost"
    assert store.upkeep.rescue(10, poison_after=3, delay_s=7.0) == []


def test_a_lease_that_is_kept_alive_is_left_alone(store: Store) -> None:
    lease = store.start()
    store.expire_lease(lease.id)
    store.leases.extend({lease.id: lease.lease_token})
    assert store.upkeep.rescue(10, poison_after=3, delay_s=0.0) == []
    assert store.row(lease.id)["state"] == "STARTED"


def test_a_task_that_loses_its_workers_again_and_again_is_poison(store: Store) -> None:
    task_id = store.submit(max_attempts=10).id
    states = []
    for number in (1, 2, 3):
        assert store.claim(task_id, number)
        store.expire_lease(task_id)
        states += [rescued.state for rescued in store.upkeep.rescue(10, poison_after=3, delay_s=0.0)]
    assert states == [State.RETRY, State.RETRY, State.FAILURE]
    task = store.reading.task(task_id)
    assert (task.state, task.error_type, task.lost_leases, task.attempt) == (State.FAILURE, "PoisonTask", 3, 3)
    assert task.finished_at
    assert [attempt.error_type for attempt in task.attempts] == ["WorkerLost", "WorkerLost"]
    assert store.row(task_id)["relay_at"] is None


@pytest.mark.parametrize(("uncharged", "state"), [(0, State.FAILURE), (1, State.RETRY)])
def test_the_last_attempt_that_may_be_charged_was_the_last(store: Store, uncharged: int, state: State) -> None:
    lease = store.start(max_attempts=1)
    store.change(lease.id, attempt=1 + uncharged, uncharged_attempts=uncharged, max_attempts=1)
    if uncharged:
        store.change(lease.id, max_attempts=2)
    store.expire_lease(lease.id)
    (rescued,) = store.upkeep.rescue(10, poison_after=3, delay_s=0.0)
    assert rescued.state is state
    row = store.row(lease.id)
    assert (row["state"], row["error_type"]) == (state, "WorkerLost")
    assert (row["finished_at"] is None) == (state is State.RETRY)


def test_a_lost_task_that_was_to_be_cancelled_is_cancelled(store: Store) -> None:
    lease = store.start()
    store.request_cancel(lease.id)
    store.expire_lease(lease.id)
    (rescued,) = store.upkeep.rescue(10, poison_after=3, delay_s=0.0)
    assert rescued.state is State.CANCELLED
    row = store.row(lease.id)
    assert row["finished_at"]
    assert (row["relay_at"], row["dispatch_no"]) == (None, 1)


def test_a_rescue_takes_the_longest_overdue_first_and_no_more_than_asked(store: Store) -> None:
    leases = [store.start() for _ in range(4)]
    for age, lease in enumerate(leases):
        store.change(lease.id, lease_until=now_plus(-10 - age))
    assert {r.task_id for r in store.upkeep.rescue(2, poison_after=3, delay_s=0.0)} == {leases[3].id, leases[2].id}


def test_many_rescuers_rescue_each_task_once(store: Store) -> None:
    ids = [store.start().id for _ in range(60)]
    for task_id in ids:
        store.expire_lease(task_id)

    def rescue(_number: int) -> list[Rescued]:
        rescued: list[Rescued] = []
        while some := store.upkeep.rescue(7, poison_after=3, delay_s=0.0):
            rescued += some
        return rescued

    rescued = [r.task_id for part in at_once(5, rescue) for r in part]
    assert Counter(rescued) == Counter(ids)
    assert all(store.row(task_id)["lost_leases"] == 1 for task_id in ids)


# Messages that nobody could take.


def undeliverable(store: Store, task_id: UUID, dispatch_no: int) -> None:
    store.upkeep.undeliverable(task_id, dispatch_no, delay_s=5.0, give_up_after=3, message="nobody knows it")


def test_an_undeliverable_dispatch_is_followed_by_another_until_it_is_given_up(store: Store) -> None:
    row = store.submit()
    for number in (1, 2):
        before = store.now()
        undeliverable(store, row.id, number)
        now = store.row(row.id)
        assert (now["state"], now["dispatch_no"], now["published_at"]) == ("PENDING", number + 1, None)
        assert before <= now["relay_at"] - timedelta(seconds=5 * number) <= store.now()
    undeliverable(store, row.id, 3)
    task = store.reading.task(row.id)
    assert (task.state, task.error_type, task.error_message) == (State.FAILURE, "Undeliverable", "nobody knows it")
    assert task.finished_at
    assert store.row(row.id)["relay_at"] is None


def test_dispatches_that_workers_took_are_not_counted_against_it(store: Store) -> None:
    """A task that snoozed for years meets one old worker, which does not know its type."""
    task_id = store.put(State.PENDING, dispatch_no=1000, attempt=999)
    undeliverable(store, task_id, 1000)
    row = store.row(task_id)
    assert (row["state"], row["dispatch_no"], row["error_type"]) == ("PENDING", 1001, None)
    assert row["relay_at"] <= store.now() + timedelta(seconds=5)
    for number in (1001, 1002):
        undeliverable(store, task_id, number)
    assert store.row(task_id)["state"] == "FAILURE"


@pytest.mark.parametrize("state", [*sorted(TERMINAL), State.STARTED])
@pytest.mark.parametrize("dispatch_no", [1, 3])
def test_a_dead_letter_of_what_does_not_wait_changes_nothing(store: Store, state: State, dispatch_no: int) -> None:
    task_id = store.put(state, dispatch_no=dispatch_no)
    before = store.row(task_id)
    undeliverable(store, task_id, dispatch_no)
    assert store.row(task_id) == before


def test_a_dead_letter_of_an_old_dispatch_changes_nothing(store: Store) -> None:
    row = store.submit()
    undeliverable(store, row.id, 1)
    before = store.row(row.id)
    undeliverable(store, row.id, 1)
    undeliverable(store, row.id, 3)
    undeliverable(store, new_id(), 1)
    assert store.row(row.id) == before


# The reconciler.


def test_rows_whose_message_nobody_was_heard_to_hold_are_counted_by_queue(store: Store) -> None:
    for queue in ("default.high", "default.high", "default.high", "email_sending.low"):
        published(store, LONG_AGO_S + 10, queue=queue)
    published(store, LONG_AGO_S - 10, queue="default.low")
    store.submit(queue="default.normal")
    for state in (State.STARTED, *TERMINAL):
        store.put(state, queue="default.normal", published_at=store.now() - timedelta(days=1))

    assert sorted(store.upkeep.published_queues(LONG_AGO_S)) == ["default.high", "email_sending.low"]
    assert store.upkeep.count_published("default.high", LONG_AGO_S, 10) == 3
    assert store.upkeep.count_published("default.high", LONG_AGO_S, 2) == 2
    assert store.upkeep.count_published("default.low", LONG_AGO_S, 10) == 0
    assert store.upkeep.count_published("default.normal", LONG_AGO_S, 10) == 0


def test_dispatching_anew_gives_rows_to_the_relay_under_a_new_number(store: Store) -> None:
    lost = [published(store, LONG_AGO_S + 10) for _ in range(3)]
    fresh, elsewhere = published(store, 1), published(store, LONG_AGO_S + 10, queue="default.low")
    assert store.upkeep.dispatch_anew("default.normal", LONG_AGO_S, 2) == 2
    assert store.upkeep.dispatch_anew("default.normal", LONG_AGO_S, 2) == 1
    assert store.upkeep.dispatch_anew("default.normal", LONG_AGO_S, 2) == 0
    taken = store.upkeep.take_due(10)
    assert {(d.task_id, d.dispatch_no) for d in taken} == {(d.task_id, 2) for d in lost}
    for dispatch in (fresh, elsewhere):
        assert store.row(dispatch.task_id)["dispatch_no"] == 1
    assert store.claim(lost[0].task_id, 1) is None
    assert store.claim(lost[0].task_id, 2)


# The pruner, as far as both databases do the same. Partitions: `test_partitions.py`.


def finished(store: Store, days_ago: float, *, made_days_ago: float | None = None) -> UUID:
    now = store.now()
    made = now - timedelta(days=days_ago if made_days_ago is None else made_days_ago)
    return store.put(State.FAILURE, created_at=made, finished_at=now - timedelta(days=days_ago))


def test_finished_tasks_are_removed_when_their_retention_is_over(store: Store) -> None:
    kept = [finished(store, 0.9), finished(store, 0.5, made_days_ago=9)]
    kept += [store.put(state, created_at=store.now() - timedelta(days=9)) for state in sorted(LIVE)]
    old = [finished(store, 1.1), finished(store, 5)]
    lease = store.start()
    store.finish(lease, end_of("failure"))
    before = store.now() - timedelta(days=3)
    store.change(lease.id, id=(moved := id_at(before)), finished_at=before)
    with store.database.write() as connection:
        connection.execute(update(attempts).where(attempts.c.task_id == lease.id).values(task_id=moved))

    assert store.upkeep.prune(DAY_S, 10) == 3

    for task_id in (*old, moved):
        with pytest.raises(TaskNotFound):
            store.reading.task(task_id)
    assert store.attempts(moved) == []
    assert {store.row(task_id)["id"] for task_id in kept} == set(kept)
    assert store.upkeep.prune(DAY_S, 10) == 0


def test_pruning_removes_no_more_than_asked_at_a_time(store: Store) -> None:
    for _ in range(5):
        finished(store, 2)
    assert [store.upkeep.prune(DAY_S, 2) for _ in range(4)] == [2, 2, 1, 0]


# Being the only one.


def test_one_leads_until_its_right_runs_out(store: Store) -> None:
    assert store.upkeep.lead("pruner", "a", 30.0)
    assert not store.upkeep.lead("pruner", "b", 30.0)
    assert store.upkeep.lead("pruner", "a", -1.0)
    assert store.upkeep.lead("pruner", "b", 30.0)
    assert not store.upkeep.lead("pruner", "a", 30.0)


def test_who_resigns_gives_up_all_roles_and_only_its_own(store: Store) -> None:
    for role, holder in (("pruner", "a"), ("reconciler", "a"), ("scheduler", "b")):
        assert store.upkeep.lead(role, holder, 30.0)
    store.upkeep.resign("a")
    assert [store.upkeep.lead(role, "c", 30.0) for role in ("pruner", "reconciler", "scheduler")] == [True, True, False]


def test_of_many_who_want_to_lead_one_does(store: Store) -> None:
    assert sum(at_once(8, lambda number: store.upkeep.lead("pruner", f"keeper-{number}", 30.0))) == 1
