"""Real threads after the same rows: of all who try, one gets it."""

import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TypeVar
from uuid import UUID, uuid4

import pytest

from task_system.model.errors import StoreUnavailable
from task_system.model.outcome import Claim, Finish
from task_system.model.states import State
from task_system.store import Database
from task_system.store.leases import Claimed, Ended, Leases
from tests.contract.kit import DEADLINE_S, LEASE_S, Store, at_once, end_of, new_task

T = TypeVar("T")
THREADS = 8
TASKS = 200


def worker(store: Store, number: int) -> Leases:
    return Leases(store.database, worker=f"worker-{number}", lease_s=LEASE_S)


def patiently(write: Callable[[], T]) -> T:
    """As the recorder does: what could not be written is tried again. SQLite's lock does not serve in turn."""
    deadline = time.monotonic() + 3 * DEADLINE_S
    while True:
        try:
            return write()
        except StoreUnavailable:
            if time.monotonic() > deadline:
                raise


def claim_all_of(leases: Leases, claims: list[Claim], batch: int) -> list[Claimed]:
    claimed: list[Claimed] = []
    for first in range(0, len(claims), batch):
        some = claims[first : first + batch]
        claimed += patiently(partial(leases.settle, [], some))[1].values()
    return claimed


@pytest.mark.parametrize("batch", [1, 100])
def test_each_task_is_started_by_one_of_many_workers(store: Store, batch: int) -> None:
    rows = [new_task() for _ in range(TASKS if batch > 1 else TASKS // 8)]
    store.submissions.record(rows)

    def claim_all(number: int) -> list[Claimed]:
        order = rows if number % 2 else rows[::-1]
        return claim_all_of(worker(store, number), [Claim(row.id, 1, uuid4()) for row in order], batch)

    answers = at_once(THREADS, claim_all)

    won = [lease for claimed in answers for lease in claimed]
    assert Counter(lease.id for lease in won) == Counter(row.id for row in rows)
    for number, claimed in enumerate(answers):
        for lease in claimed[:10]:
            row = store.row(lease.id)
            assert (row["worker"], row["lease_token"], row["attempt"]) == (f"worker-{number}", lease.lease_token, 1)


def test_each_attempt_has_one_end_of_many(store: Store) -> None:
    leases = [store.start() for _ in range(20)]
    outcomes = ("success", "failure", "retry", "snoozed", "cancelled", "lost", "handed_back", "success")

    def finish_all(number: int) -> dict[UUID, Ended]:
        order = leases if number % 2 else leases[::-1]
        recorded: dict[UUID, Ended] = {}
        for first in range(0, len(order), 5):
            finishes = [Finish(x.id, x.lease_token, end_of(outcomes[number])) for x in order[first : first + 5]]
            recorded |= patiently(partial(store.leases.settle, finishes, []))[0]
        return recorded

    answers = at_once(THREADS, finish_all)
    assert Counter(token for recorded in answers for token in recorded) == Counter(x.lease_token for x in leases)
    states = {token: recorded.state for answer in answers for token, recorded in answer.items()}
    assert {x.lease_token: State(store.row(x.id)["state"]) for x in leases} == states


def test_a_late_end_and_the_rescuer_do_not_both_get_the_task(store: Store) -> None:
    leases = [store.start() for _ in range(60)]
    for lease in leases:
        store.expire_lease(lease.id)

    def end_or_rescue(number: int) -> set[UUID]:
        if number % 2:
            rescued = set()
            while some := patiently(partial(store.upkeep.rescue, 7, poison_after=3, delay_s=0.0)):
                rescued |= {x.task_id for x in some}
            return rescued
        mine = leases[number // 2 :: 2]
        finished = set()
        for lease in mine:
            if patiently(partial(store.finish, lease, end_of("success"))):
                finished.add(lease.id)
        return finished

    winners = Counter(task_id for answer in at_once(4, end_or_rescue) for task_id in answer)
    assert winners == Counter(lease.id for lease in leases)
    for lease in leases:
        row = store.row(lease.id)
        assert (row["state"], row["lost_leases"]) in {("SUCCESS", 0), ("RETRY", 1)}


def test_processes_with_pools_of_their_own_race_alike(store: Store, request: pytest.FixtureRequest) -> None:
    rows = [new_task() for _ in range(TASKS // 2)]
    store.submissions.record(rows)
    url = store.database.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")

    def claim_all(number: int) -> list[UUID]:
        database = Database(url, durable=False, connections=1)
        request.addfinalizer(database.close)
        leases = Leases(database, worker=f"worker-{number}", lease_s=LEASE_S)
        return [x.id for x in claim_all_of(leases, [Claim(row.id, 1, uuid4()) for row in rows], 10)]

    won = Counter(task_id for answer in at_once(4, claim_all) for task_id in answer)
    assert won == Counter(row.id for row in rows)
