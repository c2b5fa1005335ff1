"""One task per tick, on both stores, however many schedulers look at once."""

import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from task_system.model.errors import InvalidSubmission, NameTaken, ScheduleIsDeclared, ScheduleNotFound
from task_system.model.ids import new_id
from task_system.model.schedule import CatchUp, Overlap, ScheduleSpec, TickOutcome
from task_system.model.states import State
from task_system.model.task import Extras, NewTask
from task_system.store import schedules as schedules_module
from task_system.store.files import Missing
from task_system.store.schedules import GONE, Schedule, Schedules
from task_system.store.tables import schedules as table
from task_system.store.tables import tasks
from tests.contract.kit import DEADLINE_S, Store, at_once, end_of, new_task
from tests.contract.test_bulk import Killed


@pytest.fixture
def schedules(store: Store) -> Schedules:
    return Schedules(store.database)


def spec(**changed: Any) -> ScheduleSpec:
    timed = {} if "cron" in changed else {"every_s": 1.0}
    return ScheduleSpec(**{"name": "often", "task_type": "echo", **timed, **changed})


def task_of(schedule: Schedule, tick: datetime, _missing: Missing) -> NewTask:
    return new_task(run_at=tick, extras=Extras(schedule_id=schedule.id))


def ago(store: Store, schedule: Schedule, seconds: float) -> datetime:
    """As if nobody had looked for so long; answers the first tick that was not dealt with."""
    with store.database.write() as connection:
        earlier = schedule.created_at - timedelta(seconds=round(seconds) + 1)
        values = {"created_at": earlier, "failures_since": earlier, "next_fire_at": earlier + timedelta(seconds=1)}
        connection.execute(update(table).where(table.c.id == schedule.id).values(values))
    return earlier + timedelta(seconds=1)


def tasks_by_tick(store: Store, schedule: Schedule) -> dict[datetime, UUID]:
    with store.database.read() as connection:
        rows = connection.execute(select(tasks.c.run_at, tasks.c.id).where(tasks.c.schedule_id == schedule.id)).all()
    assert len({row.run_at for row in rows}) == len(rows), "two tasks of one tick"
    return {row.run_at: row.id for row in rows}


def outcomes(schedules: Schedules, schedule: Schedule) -> Counter[str]:
    return Counter(tick.outcome for tick in schedules.ticks(schedule.id, 1000))


def test_what_was_made_is_read_back(schedules: Schedules) -> None:
    whole = ScheduleSpec(
        name="nightly",
        task_type="echo",
        parameters={"text": "Grüße", "deep": [1, {"a": None}]},
        cron="0 3 * * *",
        timezone="Europe/Berlin",
        jitter_s=2.5,
        overlap=Overlap.SKIP,
        catch_up=CatchUp.ALL,
        catch_up_max=7,
        pause_after_failures=3,
    )
    made = schedules.create(whole)
    assert made.spec == whole
    assert schedules.get(made.id) == made
    assert made.next_fire_at == whole.timing(made.created_at).next_after(made.created_at)
    with pytest.raises(NameTaken):
        schedules.create(whole)
    schedules.remove(made.id)
    for ask in (schedules.get, schedules.remove, schedules.resume):
        with pytest.raises(ScheduleNotFound):
            ask(made.id)


def test_pages_are_by_name(schedules: Schedules) -> None:
    for name in "cbdae":
        schedules.create(spec(name=name))
    assert [schedule.spec.name for schedule in schedules.page(3)] == ["a", "b", "c"]
    assert [schedule.spec.name for schedule in schedules.page(3, "c")] == ["d", "e"]


@pytest.mark.parametrize("count", [2, 3])
def test_of_many_schedulers_one_submits_each_tick(store: Store, count: int) -> None:
    schedules = Schedules(store.database)
    made = [schedules.create(spec(name=f"schedule-{number}")) for number in range(20)]
    for schedule in made:
        ago(store, schedule, 30)

    def fire_all(number: int) -> int:
        own, submitted = Schedules(store.database), 0
        started = time.monotonic()
        while time.monotonic() < started + 1.5 or (own.next_due_s() or 0) < -1:
            assert time.monotonic() < started + DEADLINE_S
            submitted += own.fire(task_of, 3 + number).submitted
        return submitted

    answers = at_once(count, fire_all)
    found = 0
    for schedule in made:
        after = schedules.get(schedule.id)
        by_tick = tasks_by_tick(store, schedule)
        assert after.next_fire_at
        dealt_with = [
            tick
            for tick in after.spec.timing(after.created_at).between(after.created_at, store.now())
            if tick < after.next_fire_at
        ]
        assert sorted(by_tick) == dealt_with
        assert len(dealt_with) >= 30
        assert {tick.fire_at: tick.task_id for tick in schedules.ticks(schedule.id, 1000)} == by_tick
        found += len(by_tick)
    assert found == sum(answers)


def test_a_tick_and_its_task_are_there_both_or_neither(store: Store, schedules: Schedules) -> None:
    schedule = schedules.create(spec())
    first = ago(store, schedule, 5)

    def broken(schedule: Schedule, tick: datetime, missing: Missing) -> NewTask:
        if tick > first + timedelta(seconds=3):
            raise Killed
        return task_of(schedule, tick, missing)

    with pytest.raises(Killed):
        schedules.fire(broken, 10)
    assert tasks_by_tick(store, schedule) == {}
    assert schedules.ticks(schedule.id, 10) == []
    assert schedules.get(schedule.id).next_fire_at == first
    assert schedules.fire(task_of, 10).submitted >= 6


def test_a_tick_that_has_a_row_has_no_second_task(store: Store, schedules: Schedules) -> None:
    schedule = schedules.create(spec())
    first = ago(store, schedule, 5)
    schedules.fire(task_of, 10)
    before = tasks_by_tick(store, schedule)
    with store.database.write() as connection:
        connection.execute(update(table).values(next_fire_at=first))
    schedules.fire(task_of, 10)
    after = tasks_by_tick(store, schedule)
    assert {tick: after[tick] for tick in before} == before


def test_the_relay_takes_its_task_at_once(store: Store, schedules: Schedules) -> None:
    schedule = schedules.create(spec())
    ago(store, schedule, 0)
    assert schedules.fire(task_of, 10).submitted
    assert {dispatch.task_id for dispatch in store.upkeep.take_due(10)} == set(tasks_by_tick(store, schedule).values())


def test_skip_waits_for_the_end_of_the_task_before(store: Store, schedules: Schedules) -> None:
    schedule = schedules.create(spec(overlap=Overlap.SKIP))
    ago(store, schedule, 3)
    schedules.fire(task_of, 10)
    [task_id] = tasks_by_tick(store, schedule).values()
    assert outcomes(schedules, schedule)[TickOutcome.SKIPPED] >= 3
    lease = store.claim(task_id)
    assert lease
    again(store)
    schedules.fire(task_of, 10)
    assert len(tasks_by_tick(store, schedule)) == 1
    store.finish(lease, end_of("success"))
    again(store)
    schedules.fire(task_of, 10)
    assert len(tasks_by_tick(store, schedule)) == 2
    assert {tick.state for tick in schedules.ticks(schedule.id, 100) if tick.task_id} == {"SUCCESS", "PENDING"}


def test_cancel_other_makes_room(store: Store, schedules: Schedules) -> None:
    schedule = schedules.create(spec(overlap=Overlap.CANCEL_OTHER))
    ago(store, schedule, 3)
    assert schedules.fire(task_of, 10).submitted == 1
    [waiting] = tasks_by_tick(store, schedule).values()
    assert outcomes(schedules, schedule)[TickOutcome.SKIPPED] >= 3
    again(store)
    fired = schedules.fire(task_of, 10)
    assert (fired.submitted, [one.task_id for one in fired.cancelled]) == (1, [waiting])
    assert store.row(waiting)["state"] == State.CANCELLED
    [running] = set(tasks_by_tick(store, schedule).values()) - {waiting}
    lease = store.claim(running)
    assert lease
    again(store)
    fired = schedules.fire(task_of, 10)
    assert (fired.submitted, fired.cancelled) == (1, [])
    assert store.leases.cancel_requested(running, lease.lease_token)


def again(store: Store) -> None:
    """As if another tick had come just now."""
    with store.database.write() as connection:
        now = store_now(connection)
        connection.execute(update(table).values(created_at=now - timedelta(seconds=1), next_fire_at=now))


def store_now(connection: Any) -> datetime:
    now: datetime = connection.execute(select(schedules_module.now_plus(0))).scalar_one()
    return now


@pytest.mark.parametrize(
    ("catch_up", "most", "submitted"), [(CatchUp.NONE, 100, 60), (CatchUp.LAST, 100, 60), (CatchUp.ALL, 30, 90)]
)
def test_what_was_missed_for_long_is_the_policys(
    store: Store, schedules: Schedules, catch_up: CatchUp, most: int, submitted: int
) -> None:
    schedule = schedules.create(spec(catch_up=catch_up, catch_up_max=most))
    ago(store, schedule, 600)
    schedules.fire(task_of, 10)
    assert submitted <= len(tasks_by_tick(store, schedule)) <= submitted + 3
    assert outcomes(schedules, schedule)[TickOutcome.MISSED] == 1


def test_failures_in_a_row_pause_it_and_do_not_count_once_it_is_resumed(store: Store, schedules: Schedules) -> None:
    schedule = schedules.create(spec(pause_after_failures=2))
    for expected in (1, 2):
        again(store)
        assert schedules.fire(task_of, 10).paused == []
        assert len(tasks_by_tick(store, schedule)) == expected
        for task_id in tasks_by_tick(store, schedule).values():
            if lease := store.claim(task_id):
                store.finish(lease, end_of("failure"))
    again(store)
    assert schedules.fire(task_of, 10).paused == ["often"]
    paused = schedules.get(schedule.id)
    assert (paused.paused, paused.pause_reason, paused.next_fire_at) == (True, "The last 2 tasks failed.", None)
    resumed = schedules.resume(schedule.id)
    assert (resumed.paused, resumed.pause_reason) == (False, None)
    assert resumed.next_fire_at
    again(store)
    assert schedules.fire(task_of, 10).paused == []


def test_one_success_between_is_no_row_of_failures(store: Store, schedules: Schedules) -> None:
    schedule = schedules.create(spec(pause_after_failures=2))
    for outcome in ("failure", "success", "failure"):
        again(store)
        assert schedules.fire(task_of, 10).submitted == 1
        for task_id in tasks_by_tick(store, schedule).values():
            if lease := store.claim(task_id):
                store.finish(lease, end_of(outcome))
    again(store)
    assert schedules.fire(task_of, 10).paused == []


def test_what_cannot_be_submitted_is_said_and_the_next_tick_comes(store: Store, schedules: Schedules) -> None:
    schedule = schedules.create(spec())
    ago(store, schedule, 0)

    def refused(_schedule: Schedule, _tick: datetime, _missing: Missing) -> NewTask:
        raise InvalidSubmission(errors=[{"path": "parameters.text", "message": "is missing"}])

    assert schedules.fire(refused, 10).submitted == 0
    tick = schedules.ticks(schedule.id, 1)[0]
    assert (tick.outcome, tick.detail, tick.task_id) == (TickOutcome.REFUSED, "parameters.text: is missing", None)
    after = schedules.get(schedule.id).next_fire_at
    assert after
    assert after > tick.fire_at


def test_one_that_cannot_go_on_is_paused_and_keeps_no_other_from_it(store: Store, schedules: Schedules) -> None:
    broken, sound = schedules.create(spec(name="broken")), schedules.create(spec(name="sound"))
    removed = schedules.create(spec(name="removed", cron="* * * * * *", timezone="Europe/Berlin"))
    for schedule in (broken, removed, sound):
        ago(store, schedule, 5)
    with store.database.write() as connection:
        # As after an update of the system that knows fewer time zones.
        connection.execute(update(table).where(table.c.id == removed.id).values(timezone="Mars/Olympus"))

    def breaks(schedule: Schedule, tick: datetime, missing: Missing) -> NewTask:
        if schedule.id == broken.id:
            raise AttributeError("no such thing")
        return task_of(schedule, tick, missing)

    fired = schedules.fire(breaks, 10)
    assert fired.submitted == len(tasks_by_tick(store, sound)) >= 5
    assert sorted(fired.paused) == ["broken", "removed"]
    after = schedules.get(broken.id)
    assert (after.paused, after.pause_reason) == (True, "It cannot go on: AttributeError: no such thing")
    assert "Mars/Olympus" in (schedules.get(removed.id).pause_reason or "")
    assert tasks_by_tick(store, broken) == {}
    assert schedules.ticks(broken.id, 1) == []


def test_nothing_comes_while_it_is_paused_and_the_pause_is_not_made_up_for(store: Store, schedules: Schedules) -> None:
    schedule = schedules.create(spec(catch_up=CatchUp.ALL))
    schedules.pause(schedule.id, "maintenance")
    ago_paused = schedule.created_at - timedelta(seconds=500)
    with store.database.write() as connection:
        connection.execute(update(table).values(created_at=ago_paused))
    assert schedules.next_due_s() is None
    assert schedules.fire(task_of, 10).submitted == 0
    before = store.now()
    resumed = schedules.resume(schedule.id)
    assert resumed.next_fire_at
    assert resumed.next_fire_at > before


def test_a_change_of_times_counts_from_now_and_any_other_change_leaves_them(schedules: Schedules) -> None:
    schedule = schedules.create(spec())
    renamed = schedules.change(schedule.id, lambda _: spec(name="other"))
    assert (renamed.spec.name, renamed.next_fire_at) == ("other", schedule.next_fire_at)
    moved = schedules.change(schedule.id, lambda _: spec(name="other", cron="@yearly"))
    assert moved.next_fire_at
    assert moved.next_fire_at.month == moved.next_fire_at.day == 1


def test_run_now_is_a_task_besides_the_ticks(store: Store, schedules: Schedules) -> None:
    schedule = schedules.create(spec(cron="@yearly"))
    _, task = schedules.run_now(schedule.id, task_of)
    assert store.row(task.id)["schedule_id"] == schedule.id
    assert schedules.get(schedule.id).next_fire_at == schedule.next_fire_at
    [tick] = schedules.ticks(schedule.id, 10)
    assert (tick.task_id, tick.detail, tick.state) == (task.id, "run by hand", State.PENDING)


def test_an_end_is_the_end(store: Store, schedules: Schedules) -> None:
    now = store.now()
    schedule = schedules.create(spec(starts_at=now, ends_at=now + timedelta(seconds=0.5)))
    with store.database.write() as connection:
        connection.execute(update(table).values(next_fire_at=now))
    assert schedules.fire(task_of, 10).submitted == 1
    assert schedules.get(schedule.id).next_fire_at is None


def names(found: Sequence[Schedule]) -> dict[str, tuple[bool, bool]]:
    return {schedule.spec.name: (schedule.declared, schedule.paused) for schedule in found}


def test_what_is_declared_is_kept_as_the_code_says(store: Store, schedules: Schedules) -> None:
    by_hand = schedules.create(spec(name="by-hand"))
    at_once(3, lambda _: Schedules(store.database).declare([spec(name="one"), spec(name="two")]))
    assert names(schedules.page(10)) == {"by-hand": (False, False), "one": (True, False), "two": (True, False)}
    one = schedules.page(10)[1]
    for forbidden in (lambda: schedules.remove(one.id), lambda: schedules.change(one.id, lambda old: old)):
        with pytest.raises(ScheduleIsDeclared):
            forbidden()
    schedules.pause(one.id, "later")
    schedules.declare([spec(name="one", cron="@daily")])
    _, one, two = schedules.page(10)
    assert (one.spec.cron, one.paused, one.pause_reason) == ("@daily", True, "later")
    assert (two.declared, two.paused, two.pause_reason) == (False, True, GONE)
    schedules.declare([spec(name="one"), spec(name="two")])
    assert names(schedules.page(10)) == {"by-hand": (False, False), "one": (True, True), "two": (True, False)}
    assert schedules.get(by_hand.id) == by_hand


def test_old_ticks_are_forgotten(store: Store, schedules: Schedules, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules_module, "KEEP_TICKS", 5)
    schedule = schedules.create(spec())
    schedules.forget_old_ticks()
    ago(store, schedule, 20)
    schedules.fire(task_of, 10)
    newest = schedules.ticks(schedule.id, 5)
    schedules.forget_old_ticks()
    assert schedules.ticks(schedule.id, 100) == newest


def test_a_schedule_of_nobody_is_not_found(schedules: Schedules) -> None:
    with pytest.raises(ScheduleNotFound):
        schedules.run_now(new_id(), task_of)
