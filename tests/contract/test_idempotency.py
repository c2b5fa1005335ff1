"""Only once, however many try at once."""

import pytest
from sqlalchemy import func, insert, select, update

from task_system.model.states import State
from task_system.model.task import NewTask, Recorded
from task_system.store.idempotency import Existing, Once
from task_system.store.removing import remove
from task_system.store.tables import idempotency_keys
from task_system.store.types import now_plus
from tests.contract.kit import Store, at_once, new_task

RACES, RACERS = 250, 4


def once(key: str = "a", fingerprint: str | None = "f") -> Once:
    return Once(key=key, keep_s=60.0, fingerprint=fingerprint)


def make_old(store: Store) -> None:
    with store.database.write() as connection:
        connection.execute(update(idempotency_keys).values(expires_at=now_plus(-1)))


def test_the_second_under_a_key_is_the_first(store: Store) -> None:
    first, second, other = new_task(), new_task(), new_task()
    recorded = store.idempotency.record(first, once())
    assert isinstance(recorded, Recorded)
    assert (recorded.id, recorded.due) == (first.id, True)
    assert store.idempotency.record(second, once(fingerprint="g")) == Existing(task_id=first.id, fingerprint="f")
    assert isinstance(store.idempotency.record(other, once("b", None)), Recorded)
    assert store.rows()[0].keys() == {first.id, other.id}


def test_namespaces_have_keys_of_their_own(store: Store) -> None:
    for namespace in ("default", "shop"):
        assert isinstance(store.idempotency.record(new_task(namespace=namespace), once()), Recorded)


def test_a_key_whose_time_is_over_is_free(store: Store) -> None:
    first, second = new_task(), new_task()
    store.idempotency.record(first, once())
    make_old(store)
    assert isinstance(store.idempotency.record(second, once(fingerprint="g")), Recorded)
    assert store.idempotency.record(new_task(), once()) == Existing(task_id=second.id, fingerprint="g")


def test_old_keys_are_removed(store: Store) -> None:
    for key in "abc":
        store.idempotency.record(new_task(), once(key))
    make_old(store)
    store.idempotency.record(new_task(), once("young"))
    assert [store.idempotency.prune(2), store.idempotency.prune(2), store.idempotency.prune(2)] == [2, 1, 0]
    with store.database.read() as connection:
        assert connection.scalars(select(idempotency_keys.c.key)).all() == ["young"]


def test_a_key_whose_task_was_removed_is_free(store: Store) -> None:
    first, second = store.put(State.SUCCESS), new_task()
    with store.database.write() as connection:
        keep = {"namespace": "default", "key": "a", "fingerprint": "f", "task_id": first, "expires_at": now_plus(60)}
        connection.execute(insert(idempotency_keys).values(keep))
        remove(connection, [first])
    assert isinstance(store.idempotency.record(second, once(fingerprint="g")), Recorded)
    assert store.idempotency.record(new_task(), once()) == Existing(task_id=second.id, fingerprint="g")


def test_a_row_that_cannot_be_recorded_takes_no_key(store: Store) -> None:
    row = new_task()
    store.submissions.record([row])
    with pytest.raises(KeyError):
        store.idempotency.record(row, once())
    with store.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(idempotency_keys)) == 0


def test_a_thousand_racing_submissions_are_as_many_tasks_as_keys(store: Store) -> None:
    def submit(_number: int) -> list[NewTask | None]:
        mine = []
        for race in range(RACES):
            row = new_task()
            answer = store.idempotency.record(row, once(f"race {race}"))
            mine.append(row if isinstance(answer, Recorded) else None)
        return mine

    answers = at_once(RACERS, submit)
    winners = [row for mine in answers for row in mine if row]
    assert len(winners) == RACES
    assert store.rows()[0].keys() == {row.id for row in winners}
    assert all(sum(1 for mine in answers if mine[race]) == 1 for race in range(RACES))
