"""Rollups and ledger count each event once, and the ledger agrees with the rows at every moment."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from task_system.model.histogram import ERROR, percentiles
from task_system.model.states import State
from task_system.model.tally import ACCOUNTS, Rollup
from task_system.store import Database
from task_system.store import books as books_module
from task_system.store.balance import Balance, Balances
from task_system.store.books import STEPS, Books
from task_system.store.event_log import GIVE_UP_AFTER_S, EventLog
from task_system.store.statistics import Statistics
from task_system.store.tables import books, event_batches, ledger, rollups, tasks
from tests.contract.kit import Store, at_once, end_of

HOUR = 3600


@pytest.fixture
def kept(store: Store) -> Books:
    """Books that were begun."""
    kept = Books(store.database)
    assert kept.enter()
    return kept


def enter_all(kept: Books) -> None:
    while kept.enter():
        pass


def live(store: Store) -> dict[str, int]:
    """One task of each fate; the counts that are to be told of them."""
    store.finish(store.start(), end_of("success"))
    store.finish(store.start(task_type="csv"), end_of("success"))
    store.finish(store.start(), end_of("failure"))
    store.finish(store.start(), end_of("retry"))
    store.acting.cancel(store.submit().id, "why not")
    store.change(store.submit().id, expires_at=store.now() - timedelta(seconds=1))
    assert len(store.expiry.expire(10)) == 1
    store.submit()
    store.start()
    return {
        "accepted": 8, "succeeded": 2, "failed": 1, "cancelled": 1, "expired": 1, "retried": 1, "removed": 0,
    }  # fmt: skip


def told(database: Database, step_s: int = 60) -> Rollup:
    total = Rollup()
    for rollup in Statistics(database).span(HOUR, step_s).rollups.values():
        total.add(rollup)
    return total


def balance_of(store: Store) -> Balance:
    return Balances(store.database).of(HOUR)


def test_every_step_of_rollups_counts_every_event(store: Store, kept: Books) -> None:
    expected = live(store)
    enter_all(kept)
    with store.database.read() as connection:
        for step_s in STEPS:
            rows = connection.execute(select(rollups).where(rollups.c.step_s == step_s)).mappings().all()
            assert {name: sum(row[name] for row in rows) for name in expected} == expected
            assert {row["task_type"] for row in rows} == {"echo", "csv"}
    total = told(store.database)
    assert sum(total.wait_ms.values()) == 5
    assert sum(total.run_ms.values()) == 4


def test_percentiles_are_those_of_the_rows(store: Store, kept: Books) -> None:
    for seconds in (1, 1, 1, 60):
        lease = store.start()
        store.change(lease.id, started_at=store.now() - timedelta(seconds=seconds))
        store.finish(lease, end_of("success"))
    enter_all(kept)
    median, most = percentiles(told(store.database).run_ms, [0.5, 1.0])
    assert median == pytest.approx(1000, rel=ERROR + 0.5)
    assert most == pytest.approx(60_000, rel=ERROR + 0.05)


def test_the_ledger_balances_before_and_after_it_is_entered(store: Store, kept: Books) -> None:
    expected = {name: number for name, number in live(store).items() if name in ACCOUNTS} | {"live": 3}
    for _ in range(2):
        balance = balance_of(store)
        assert balance.totals == expected
        assert balance.discrepancies == []
        assert balance.compared_from is not None
        enter_all(kept)
    with store.database.read() as connection:
        entered = connection.execute(select(ledger)).mappings().all()
    assert sum(row["accepted"] for row in entered) == expected["accepted"]


def test_removed_tasks_stay_in_the_ledger(store: Store, kept: Books) -> None:
    lease = store.start()
    store.finish(lease, end_of("success"))
    enter_all(kept)
    assert store.upkeep.prune(-3600.0, 10) == 1
    for _ in range(2):
        balance = balance_of(store)
        assert (balance.totals["accepted"], balance.totals["succeeded"], balance.totals["removed"]) == (1, 0, 1)
        assert balance.discrepancies == []
        enter_all(kept)


def test_what_disagrees_is_named(store: Store, kept: Books) -> None:
    lease, lost = store.start(), store.submit()
    store.finish(lease, end_of("success"))
    enter_all(kept)
    with store.database.write() as connection:
        connection.execute(delete(tasks).where(tasks.c.id == lost.id))
        connection.execute(update(tasks).where(tasks.c.id == lease.id).values(state="CANCELLED"))
    found = {(one.what, one.by) for one in balance_of(store).discrepancies}
    assert found == {("succeeded", 1), ("cancelled", -1), ("live", 1)}


def test_many_who_enter_at_once_count_nothing_twice(store: Store, kept: Books) -> None:
    expected = live(store)
    at_once(4, lambda _: enter_all(Books(store.database)))
    enter_all(kept)
    assert {name: told(store.database).counts[name] for name in expected} == expected
    assert balance_of(store).discrepancies == []


def test_what_fails_half_way_is_entered_once(store: Store, kept: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = live(store)
    whole = books_module._add_rollups

    def break_down(*arguments: Any) -> None:
        whole(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(books_module, "_add_rollups", break_down)
        with pytest.raises(KeyboardInterrupt):
            enter_all(kept)
    assert not told(store.database).counts
    enter_all(kept)
    assert {name: told(store.database).counts[name] for name in expected} == expected


def test_the_log_waits_for_the_books_and_they_begin_anew_when_it_cannot(store: Store, kept: Books) -> None:
    store.submit()
    log = EventLog(store.database)

    def age(seconds: float) -> None:
        moment = store.now() - timedelta(seconds=seconds)
        with store.database.write() as connection:
            connection.execute(update(event_batches).values(at=moment))
            connection.execute(update(books).values(as_of=moment))

    age(2 * HOUR)
    assert log.prune(100) == 0
    enter_all(kept)
    assert log.prune(100) == 1

    store.submit()
    age(GIVE_UP_AFTER_S + HOUR)
    assert log.prune(100) == 1
    assert balance_of(store).since is None
    assert kept.enter()
    assert balance_of(store).since is not None


def test_tasks_from_before_the_books_are_left_out(store: Store) -> None:
    store.put(State.SUCCESS, created_at=datetime.now(UTC) - timedelta(minutes=5))
    store.submit()
    Books(store.database).enter()
    balance = balance_of(store)
    assert balance.minutes == []
    assert balance.discrepancies == []
