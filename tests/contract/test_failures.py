"""Failures that are the same are one group, whatever became of how many."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, text

from task_system.model.failure import fingerprint
from task_system.model.search import parse
from task_system.model.states import State
from task_system.store import failures
from task_system.store.failures import Failures, Group
from task_system.store.finding import Finding
from task_system.store.tables import tasks
from tests.contract.kit import Store, end_of, id_at, new_task

NOW = datetime.now(UTC)
SAME = "aaaaaaaaaaaaaaaa"


def groups(store: Store, **changed: object) -> list[Group]:
    options = {"since": None, "task_type": None, "limit": 50} | changed
    return Failures(store.database).groups(**options).groups  # type: ignore[arg-type]


def put(store: Store, *, hours_ago: float, failure: str = SAME, **values: object) -> object:
    at = NOW - timedelta(hours=hours_ago)
    error = {"error_type": "ValueError", "error_message": "row 7 is bad"}
    return store.put(State.FAILURE, **({"created_at": at, "failure": failure} | error | values))


def test_a_group_says_how_many_and_when(store: Store) -> None:
    put(store, hours_ago=30)
    put(store, hours_ago=2, retried_as=new_task().id, queue="default.high")
    last = put(store, hours_ago=1)
    other = put(store, hours_ago=3, failure="b" * 16, task_type="csv", error_message=None)
    store.put(State.SUCCESS)
    [first, second] = groups(store)
    assert (first.failure, first.task_type, first.error_type) == (SAME, "echo", "ValueError")
    assert (first.count, first.open, first.capped) == (3, 2, False)
    assert (first.message, first.example_task_id) == ("row <n> is bad", last)
    assert first.queues == ["default.high", "default.normal"]
    assert (first.first_at, first.last_at) == (NOW - timedelta(hours=30), NOW - timedelta(hours=1))
    assert (second.example_task_id, second.count, second.message) == (other, 1, "")


def test_a_window_and_a_type_leave_the_others_out(store: Store) -> None:
    put(store, hours_ago=30)
    put(store, hours_ago=2)
    put(store, hours_ago=28, failure="b" * 16, task_type="csv")
    [only] = groups(store, since=NOW - timedelta(hours=24))
    assert (only.failure, only.count, only.first_at) == (SAME, 1, NOW - timedelta(hours=2))
    assert [group.task_type for group in groups(store, task_type="csv")] == ["csv"]
    assert groups(store, task_type="none") == []


def test_pages_go_on_where_the_last_ended(store: Store) -> None:
    names = [f"{number:016x}" for number in range(5)]
    for number, name in enumerate(names):
        # Two of them in the same moment.
        put(store, hours_ago=min(number, 3), failure=name)
    seen: list[str] = []
    after, more = None, True
    while more:
        page = Failures(store.database).groups(since=None, task_type=None, limit=2, after=after)
        seen += [group.failure for group in page.groups]
        after, more = (page.groups[-1].last_at, page.groups[-1].failure), page.more
    assert seen == names


def test_no_more_are_counted_than_is_worth_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "COUNTED", 6)
    monkeypatch.setattr(failures, "LEAST_COUNTED", 1)
    put(store, hours_ago=9, failure="b" * 16)
    for number in range(5):
        put(store, hours_ago=number)
    [group, other] = groups(store)
    assert (group.count, group.open, group.capped) == (3, 3, True)
    assert (other.count, other.capped) == (1, False)


def test_the_rescuer_and_the_dead_letters_say_what_failed(store: Store) -> None:
    poison, undeliverable = store.start(), store.submit(task_type="unknown")
    store.expire_lease(poison.id)
    store.upkeep.rescue(10, poison_after=1, delay_s=0.0)
    store.upkeep.undeliverable(undeliverable.id, 1, delay_s=0.0, give_up_after=1, message="nobody in 1 tries")
    rows = [store.row(poison.id), store.row(undeliverable.id)]
    assert [row["failure"] for row in rows] == [
        fingerprint(row["task_type"], row["error_type"], row["error_message"]) for row in rows
    ]
    assert {group.failure for group in groups(store)} == {row["failure"] for row in rows}


def test_a_lost_lease_is_no_failure(store: Store) -> None:
    lost = store.start()
    store.expire_lease(lost.id)
    store.upkeep.rescue(10, poison_after=3, delay_s=0.0)
    assert store.row(lost.id)["failure"] is None
    assert groups(store) == []


def test_the_fingerprint_of_an_end_is_kept_and_found(store: Store) -> None:
    lease, other = store.start(), store.start()
    store.finish(lease, end_of("failure", failure=SAME))
    store.finish(other, end_of("success"))
    assert (store.row(lease.id)["failure"], store.row(other.id)["failure"]) == (SAME, None)
    assert store.reading.task(lease.id).view()["failure"] == SAME
    found = Finding(store.database).page(parse(f"failure:{SAME}", NOW), limit=10)
    assert [task.id for task in found.tasks] == [lease.id]


def test_many_failures_cost_no_more_than_their_groups(postgresql: Store) -> None:
    """No plan reads the table, or one group from end to end."""
    rows = [
        {
            "id": id_at(NOW - timedelta(minutes=number)),
            "task_type": "echo",
            "queue": "default.normal",
            "priority": "normal",
            "state": State.FAILURE,
            "parameters": {},
            "max_attempts": 1,
            "timeout_s": 1.0,
            "created_at": NOW,
            "run_at": NOW,
            "finished_at": NOW - timedelta(minutes=number),
            "failure": f"{number % 7:016x}",
        }
        for number in range(20_000)
    ]
    with postgresql.database.write() as connection:
        connection.execute(insert(tasks), rows)
        connection.execute(text("ANALYZE tasks"))
        compiled = failures.last_of_each().compile(connection, compile_kwargs={"literal_binds": True})
        plan = "\n".join(connection.scalars(text(f"EXPLAIN ANALYZE {compiled}")))
    assert "Seq Scan" not in plan, plan
    assert len(groups(postgresql)) == 7
