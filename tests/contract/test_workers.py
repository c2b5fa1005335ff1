"""Who is alive."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import delete, update

from task_system.model.states import State
from task_system.store.looking import Looking
from task_system.store.tables import tasks, workers
from task_system.store.types import now_plus
from task_system.store.workers import Identity, Workers
from tests.contract.kit import Store, at_once

WORKER = Identity(
    name="worker@here",
    role="worker",
    host="here",
    pid=17,
    version="1.2",
    pool="prefork",
    slots=4,
    lanes=("default", "email_sending"),
)
KEEPER = Identity(name="keeper@here", role="keeper", host="here", pid=18, version="1.2")


def age(store: Store, name: str, seconds: float) -> None:
    with store.database.write() as connection:
        connection.execute(update(workers).where(workers.c.name == name).values(heartbeat_at=now_plus(-seconds)))


def test_who_beats_is_alive_and_says_who_it_is(store: Store) -> None:
    before = store.now()
    store.workers.beat(WORKER, running=3)
    store.workers.beat(KEEPER)
    keeper, worker = store.workers.alive(30)
    assert (worker.name, worker.role, worker.host, worker.pid, worker.version) == (
        "worker@here",
        "worker",
        "here",
        17,
        "1.2",
    )
    assert (worker.pool, worker.slots, worker.lanes, worker.running) == (
        "prefork",
        4,
        ["default", "email_sending"],
        3,
    )
    assert (keeper.name, keeper.role, keeper.pool, keeper.slots, keeper.lanes) == (
        "keeper@here",
        "keeper",
        None,
        None,
        [],
    )
    assert before <= worker.started_at <= worker.heartbeat_at <= store.now()


def test_who_was_heard_of_is_told(store: Store) -> None:
    heard: list[str] = []
    Workers(store.database, lambda: heard.extend(seen.name for seen in store.workers.alive(30))).beat(WORKER)
    assert heard == ["worker@here"]


def test_a_later_beat_changes_the_time_and_what_runs(store: Store) -> None:
    store.workers.beat(WORKER, running=1)
    (first,) = store.workers.alive(30)
    age(store, WORKER.name, 10)
    store.workers.beat(WORKER, running=2)
    (second,) = store.workers.alive(30)
    assert second.running == 2
    assert second.started_at == first.started_at
    assert second.heartbeat_at >= first.heartbeat_at


def test_who_is_silent_is_not_alive_and_is_forgotten_later(store: Store) -> None:
    store.workers.beat(WORKER)
    store.workers.beat(KEEPER)
    age(store, WORKER.name, 60)
    assert [seen.name for seen in store.workers.alive(30)] == ["keeper@here"]
    assert [seen.name for seen in store.workers.alive(90)] == ["keeper@here", "worker@here"]
    assert store.workers.forget(90) == 0
    assert store.workers.forget(30) == 1
    assert [seen.name for seen in store.workers.alive(timedelta(days=1).total_seconds())] == ["keeper@here"]


def test_who_leaves_is_gone_and_may_come_back(store: Store) -> None:
    store.workers.beat(WORKER)
    store.workers.leave(WORKER.name)
    store.workers.leave("nobody")
    assert store.workers.alive(30) == []
    store.workers.beat(replace(WORKER, pid=19))
    assert [seen.pid for seen in store.workers.alive(30)] == [19]


def test_many_beat_at_once(store: Store) -> None:
    at_once(6, lambda number: store.workers.beat(replace(WORKER, name=f"worker-{number}")))
    assert len(store.workers.alive(30)) == 6


def test_what_became_of_tasks_that_were_lost_with_their_worker(store: Store) -> None:
    again, over, kept, removed = (store.start() for _ in range(4))
    for lease in (again, over, removed):
        store.expire_lease(lease.id)
    store.upkeep.rescue(10, poison_after=3, delay_s=0.0)
    store.acting.cancel(over.id, None)
    with store.database.write() as connection:
        connection.execute(delete(tasks).where(tasks.c.id == removed.id))
    looking = Looking(store.database)
    expected = {again.id: State.RETRY, over.id: State.CANCELLED, removed.id: None}
    assert looking.lost(["worker@here", "other"]) == {"worker@here": expected}
    assert looking.lost(["other"]) == {}
    assert [task.task_id for task in looking.running()["worker@here"]] == [kept.id]
