"""The table of states is what the store does: each of its steps happens, no other can, and what is over stays."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from task_system.model.errors import TaskFinished
from task_system.model.outcome import OUTCOMES, Finish
from task_system.model.states import LIVE, TERMINAL, TRANSITIONS, WAITING, State
from task_system.model.task import Dispatch
from task_system.store.leases import Claimed
from task_system.store.types import now_plus
from tests.contract.kit import Store, end_of, new_task

STEPS = [(start, to) for start, steps in TRANSITIONS.items() for to in steps]


def in_state(store: Store, state: State) -> Claimed:
    """A task brought into a live state by what the product does; its last lease."""
    lease = store.start()
    if state is not State.STARTED:
        outcome = "retry" if state is State.RETRY else "snoozed"
        assert store.finish(lease, end_of(outcome, delay_s=0.0))
    return lease


def everything(store: Store, lease: Claimed) -> list[Callable[[], object]]:
    """All that anybody may do to a task, with the best knowledge of it that there is."""
    row = store.row(lease.id)
    number = row["dispatch_no"]
    dispatch = Dispatch(lease.id, number, row["queue"], row["task_type"])
    token = row["lease_token"] or lease.lease_token
    end_all = [
        lambda outcome=outcome: store.leases.settle([Finish(lease.id, token, end_of(outcome))], [])
        for outcome in sorted(OUTCOMES)
    ]
    return [
        lambda: store.claim(lease.id, number),
        *end_all,
        lambda: store.leases.extend({lease.id: token}),
        lambda: store.leases.still_reserved({lease.id: number}),
        lambda: store.upkeep.take_due(10),
        lambda: store.upkeep.confirm([dispatch]),
        lambda: store.upkeep.release([dispatch]),
        lambda: store.upkeep.rescue(10, poison_after=1, delay_s=0.0),
        lambda: store.upkeep.rescue(10, poison_after=3, delay_s=0.0),
        lambda: store.upkeep.undeliverable(lease.id, number, delay_s=0.0, give_up_after=1, message="nobody"),
        lambda: store.upkeep.undeliverable(lease.id, number, delay_s=0.0, give_up_after=99, message="nobody"),
        lambda: store.upkeep.dispatch_anew(row["queue"], -1.0, 10),
        lambda: store.submissions.record([new_task(id=lease.id)]),
        lambda: cancel(store, lease),
        lambda: store.expiry.expire(10),
    ]


def cancel(store: Store, lease: Claimed) -> None:
    with suppress(TaskFinished):
        store.acting.cancel(lease.id, "enough")


@pytest.mark.parametrize("start", sorted(LIVE))
def test_the_store_takes_exactly_the_steps_of_the_table(store: Store, start: State) -> None:
    seen = set()
    for number in range(len(everything(store, in_state(store, start)))):
        for happened in ("", "cancelled", "expired"):
            store.empty()
            lease = in_state(store, start)
            if start is State.STARTED:
                store.expire_lease(lease.id)
            if happened == "cancelled":
                store.request_cancel(lease.id)
            if happened == "expired":
                store.change(lease.id, expires_at=now_plus(-1))
            everything(store, lease)[number]()
            seen.add(State(store.row(lease.id)["state"]))
    assert seen - {start} == {to for from_, to in STEPS if from_ is start}


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_what_is_over_stays_as_it_is(store: Store, state: State) -> None:
    lease = store.start()
    store.finish(lease, end_of("failure"))
    # Even with everything in place that would make it run again.
    past = dict.fromkeys(("relay_at", "published_at", "lease_until", "expires_at"), now_plus(-60))
    store.change(lease.id, state=state, **past)
    before, kept = store.row(lease.id), store.attempts(lease.id)
    for act in everything(store, lease):
        act()
    assert store.row(lease.id) == before
    assert store.attempts(lease.id) == kept
    with pytest.raises(LookupError):
        store.leases.progress(lease.id, lease.lease_token, 1.0, "", None)
    assert store.row(lease.id) == before


def test_every_state_has_its_place() -> None:
    assert set(TRANSITIONS) == set(State) == LIVE | TERMINAL
    assert WAITING | {State.STARTED} == LIVE
    assert all(not TRANSITIONS[state] for state in TERMINAL)
    assert all(TRANSITIONS[state] for state in LIVE)
    assert all(state not in steps for state, steps in TRANSITIONS.items())


@pytest.mark.parametrize("state", sorted(State))
def test_the_table_itself_refuses_rows_that_contradict_themselves(store: Store, state: State) -> None:
    with pytest.raises(IntegrityError, match="tasks_started_has_lease"):
        store.put(state, lease_token=None if state is State.STARTED else uuid4())
    moment = None if state in TERMINAL else store.now() - timedelta(seconds=1)
    with pytest.raises(IntegrityError, match="tasks_finished_is_terminal"):
        store.put(state, finished_at=moment)
    assert store.row(store.put(state))["state"] == state
