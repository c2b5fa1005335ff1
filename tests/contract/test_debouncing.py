"""The latest wins, as long as none was started, and not for ever."""

from datetime import timedelta
from typing import Any

from task_system.model.routing import Priority
from task_system.model.task import Dispatch, Extras, NewTask
from task_system.store.debouncing import Debounce, Debounced
from tests.contract.kit import Store, at_once, end_of, new_task

RACERS, RACES = 4, 60


def row_of(number: int, wait_s: float = 60.0, **more: Any) -> NewTask:
    return new_task(parameters=b'{"number": %d}' % number, delay_s=wait_s, **more)


def send(store: Store, row: NewTask, *, wait_s: float = 60.0, max_s: float = 600.0, key: str = "a") -> Debounced:
    return store.debouncing.record(row, Debounce(key=key, wait_s=wait_s, max_s=max_s))


def test_the_latest_replaces_the_one_that_waits_and_puts_it_off(store: Store) -> None:
    first, second = row_of(1), row_of(2, extras=Extras(tags=("b",), expires_in_s=100.0), timeout_s=5.0)
    new = send(store, first)
    assert (new.task_id, new.replaced) == (first.id, False)
    before = store.row(first.id)
    latest = send(store, second)
    assert (latest.task_id, latest.created_at, latest.replaced, latest.dispatch) == (
        first.id,
        new.created_at,
        True,
        None,
    )
    after = store.row(first.id)
    assert (after["parameters"], after["tags"], after["timeout_s"]) == ({"number": 2}, ["b"], 5.0)
    assert after["run_at"] == after["relay_at"] == latest.run_at > before["run_at"]
    assert (after["dispatch_no"], after["published_at"]) == (2, None)
    assert after["expires_at"] > after["run_at"]
    assert store.rows()[0].keys() == {first.id}
    # What it does not say again is not so any more.
    send(store, row_of(3))
    assert (store.row(first.id)["tags"], store.row(first.id)["expires_at"]) == (None, None)


def test_it_is_put_off_no_longer_than_the_bound(store: Store) -> None:
    first = row_of(1)
    bound = send(store, first, max_s=90.0).created_at + timedelta(seconds=90)
    assert send(store, row_of(2), max_s=90.0).run_at < bound
    store.change(first.id, created_at=store.now() - timedelta(seconds=50), run_at=store.now() + timedelta(seconds=20))
    bound = store.row(first.id)["created_at"] + timedelta(seconds=90)
    assert send(store, row_of(3), max_s=90.0).run_at == bound


def test_what_is_due_for_good_keeps_its_message_and_finds_the_latest(store: Store) -> None:
    first = row_of(1)
    send(store, first)
    long_ago = store.now() - timedelta(seconds=1000)
    store.change(first.id, created_at=long_ago, run_at=long_ago, published_at=long_ago, relay_at=None)
    latest = send(store, row_of(2))
    assert (latest.replaced, latest.run_at, latest.dispatch) == (True, long_ago, None)
    assert store.row(first.id)["published_at"] == long_ago
    claimed = store.claim(first.id, 1)
    assert claimed
    assert "2" in claimed.parameters


def test_another_priority_is_another_queue_and_another_message(store: Store) -> None:
    first = row_of(1)
    send(store, first)
    long_ago = store.now() - timedelta(seconds=1000)
    store.change(first.id, created_at=long_ago, run_at=long_ago)
    latest = send(store, row_of(2, priority=Priority.HIGH))
    assert latest.dispatch == Dispatch(first.id, 2, "default.high", "echo")


def test_what_was_started_or_is_over_is_not_replaced(store: Store) -> None:
    first, second, third, fourth = (row_of(number) for number in range(4))
    send(store, first)
    lease = store.claim(first.id)
    assert lease
    assert send(store, second).task_id == second.id
    store.acting.cancel(second.id, None)
    assert send(store, third).task_id == third.id
    # An attempt that is to be made again was made once.
    snoozed = store.claim(third.id)
    assert snoozed
    store.finish(snoozed, end_of("snoozed"))
    assert send(store, fourth).replaced is False
    assert store.rows()[0].keys() == {first.id, second.id, third.id, fourth.id}
    assert send(store, row_of(5)).task_id == fourth.id


def test_keys_and_namespaces_are_apart(store: Store) -> None:
    rows = [row_of(1), row_of(2), row_of(3, namespace="shop")]
    for row, key in zip(rows, "aba", strict=True):
        assert send(store, row, key=key).replaced is False
    assert store.rows()[0].keys() == {row.id for row in rows}


def test_many_at_once_are_one_task_and_the_last_of_them_wins(store: Store) -> None:
    def submit(number: int) -> list[Debounced]:
        return [send(store, row_of(number), key=f"race {race}") for race in range(RACES)]

    answers = at_once(RACERS, submit)
    rows = store.rows()[0]
    assert len(rows) == RACES
    for race in range(RACES):
        these = [mine[race] for mine in answers]
        assert len({one.task_id for one in these}) == 1
        assert sum(not one.replaced for one in these) == 1
        row = rows[these[0].task_id]
        assert row["dispatch_no"] == RACERS
        # They replaced each other in the order in which they got at the row, which is not that of their clocks.
        last = next(number for number in range(RACERS) if these[number].run_at == row["run_at"])
        assert row["parameters"] == {"number": last}


def test_a_replacement_races_a_start_and_nothing_is_lost(store: Store) -> None:
    """Either the start finds the latest, or the latest is another task."""
    firsts = [row_of(1, 0.0) for _ in range(RACES)]
    for race, row in enumerate(firsts):
        send(store, row, wait_s=0.0, key=f"race {race}")

    def race_all(number: int) -> list[Any]:
        if number:
            return [send(store, row_of(2), wait_s=0.0, max_s=0.0, key=f"race {race}") for race in range(RACES)]
        return [store.claim(row.id) for row in firsts]

    claims, latest = at_once(2, race_all)
    for first, claimed, became in zip(firsts, claims, latest, strict=True):
        assert claimed
        assert became.replaced == ("2" in claimed.parameters)
        assert became.replaced == (became.task_id == first.id)
