"""Any order of everything that happens to tasks, against a model that fits on a page."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import RowMapping

from task_system.model.bulk import BulkAction
from task_system.model.errors import TaskFinished, TaskNotFinished, TaskNotWaiting
from task_system.model.outcome import OUTCOMES, UNCHARGED, Claim, Finish
from task_system.model.states import TERMINAL, WAITING, State
from task_system.model.task import Dispatch
from task_system.model.task_events import EVENT_OF
from task_system.store.acting import Change
from task_system.store.balance import Balances
from task_system.store.books import Books
from task_system.store.bulk import Bulks
from task_system.store.debouncing import Debounce
from task_system.store.types import now_plus
from tests.contract.kit import Store, end_of, new_task

POISON_AFTER = 2
GIVE_UP_AFTER = 4
AGAIN = {"retry", "snoozed", "handed_back", "lost"}


@dataclass
class Expected:
    """What a row should say."""

    max_attempts: int
    state: State = State.PENDING
    dispatch_no: int = 1
    attempt: int = 0
    uncharged: int = 0
    lost: int = 0
    token: UUID | None = None
    expired: bool = False
    cancel: bool = False
    #: Its `expires_at` has passed.
    late: bool = False
    #: Somebody was known to hold the current message.
    published: bool = False
    kept: list[str] = field(default_factory=list)
    #: The row as it was when the task was over.
    final: RowMapping | None = None

    def ends(self, state: State, outcome: str) -> None:
        """The attempt ends; where it is to run again there is a new dispatch."""
        self.state, self.token, self.expired = state, None, False
        if outcome != "success":
            self.kept.append(outcome)
        if state in WAITING:
            self.anew()

    def anew(self) -> None:
        """A new dispatch; messages of the one before are old copies now."""
        self.dispatch_no += 1
        self.published = False


class Life(RuleBasedStateMachine):
    """Submissions, claims, ends, lost leases, cancels, expiries, retries, deletes, changes and lost messages."""

    tasks: Bundle[UUID] = Bundle("tasks")
    leases: Bundle[tuple[UUID, UUID]] = Bundle("leases")

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        store.empty()
        self.expected: dict[UUID, Expected] = {}
        #: Tasks that were submitted last under a key of which the latest wins.
        self.latest: dict[str, UUID] = {}
        self.removed = 0
        self.cursor = store.event_log.head()
        Books(store.database).enter()
        self.told: dict[str, str] = {}

    @rule(target=tasks, max_attempts=st.integers(1, 3))
    def submit(self, max_attempts: int) -> UUID:
        row = self.store.submit(max_attempts=max_attempts)
        self.expected[row.id] = Expected(max_attempts)
        return row.id

    @rule(target=tasks, key=st.sampled_from("ab"))
    def debounce(self, key: str) -> Any:
        """The latest wins while the one before waits for its first start."""
        row = new_task(delay_s=60.0)
        became = self.store.debouncing.record(row, Debounce(key=key, wait_s=60.0, max_s=600.0))
        before = self.expected.get(self.latest.get(key, row.id))
        if before and before.state is State.PENDING and not before.attempt:
            assert (became.task_id, became.replaced) == (self.latest[key], True)
            before.late, before.max_attempts = False, row.max_attempts
            before.anew()
            return multiple()
        assert (became.task_id, became.replaced) == (row.id, False)
        self.expected[row.id] = Expected(row.max_attempts)
        self.latest[key] = row.id
        return row.id

    @rule(task_id=consumes(tasks))
    def delete(self, task_id: UUID) -> None:
        """In bulk: what is over is gone, and nothing else."""
        bulks = Bulks(self.store.database)
        bulk = bulks.create(BulkAction.DELETE, {}, None)
        bulks.freeze(bulk, [task_id], None)
        done = bulks.act(bulk.id, lambda *_: {})
        over = self.expected[task_id].state in TERMINAL
        assert done
        assert (done.succeeded, done.changed) == (int(over), [task_id] if over else [])
        if over:
            del self.expected[task_id]
            self.removed += 1

    @rule(target=leases, task_id=tasks, off_by=st.sampled_from([0, 0, 0, 0, -1, 1]), copies=st.integers(1, 2))
    def claim(self, task_id: UUID, off_by: int, copies: int) -> tuple[UUID, UUID]:
        expected = self.expected[task_id]
        claims = [Claim(task_id, expected.dispatch_no + off_by, uuid4()) for _ in range(copies)]
        _, claimed = self.store.leases.settle([], claims)
        if off_by or expected.state not in WAITING or expected.late:
            assert claimed == {}
            return task_id, claims[0].lease_token
        ((token, lease),) = claimed.items()
        expected.state, expected.token = State.STARTED, token
        expected.attempt += 1
        assert (lease.id, lease.attempt, lease.max_attempts) == (task_id, expected.attempt, expected.max_attempts)
        assert lease.charged_attempts == expected.attempt - expected.uncharged
        assert lease.lost_leases == expected.lost
        return task_id, token

    @rule(lease=leases, outcome=st.sampled_from(sorted(OUTCOMES)))
    def finish(self, lease: tuple[UUID, UUID], outcome: str) -> None:
        task_id, token = lease
        expected = self.expected.get(task_id, Expected(0))
        end = end_of(outcome, **({"delay_s": 0.0} if outcome in AGAIN else {}))
        recorded, _ = self.store.leases.settle([Finish(task_id, token, end)], [])
        if token != expected.token:
            assert recorded == {}
            return
        state = State.CANCELLED if expected.cancel and outcome in AGAIN else OUTCOMES[outcome]
        assert recorded[token].state is state
        expected.uncharged += outcome in UNCHARGED
        expected.lost += outcome == "lost"
        expected.ends(state, outcome)

    @rule(lease=leases)
    def heartbeat(self, lease: tuple[UUID, UUID]) -> None:
        task_id, token = lease
        expected = self.expected.get(task_id, Expected(0))
        mine = {task_id} if token == expected.token else set()
        assert self.store.leases.extend({task_id: token}) == (mine, mine if expected.cancel else set())
        if mine:
            expected.expired = False

    @rule(task_id=tasks)
    def lease_runs_out(self, task_id: UUID) -> None:
        expected = self.expected[task_id]
        if expected.state is State.STARTED:
            self.store.expire_lease(task_id)
            expected.expired = True

    @rule()
    def rescue(self) -> None:
        rescued = self.store.upkeep.rescue(100, poison_after=POISON_AFTER, delay_s=0.0)
        overdue = {task_id: expected for task_id, expected in self.expected.items() if expected.expired}
        assert {one.task_id for one in rescued} == overdue.keys()
        for one in rescued:
            expected = overdue[one.task_id]
            expected.lost += 1
            over = expected.lost >= POISON_AFTER or expected.attempt - expected.uncharged >= expected.max_attempts
            state = State.CANCELLED if expected.cancel else State.FAILURE if over else State.RETRY
            assert (one.state, one.attempt) == (state, expected.attempt)
            expected.ends(state, "lost")

    @rule(task_id=tasks)
    def cancel(self, task_id: UUID) -> None:
        expected = self.expected[task_id]
        if expected.state in TERMINAL - {State.CANCELLED}:
            with pytest.raises(TaskFinished):
                self.store.acting.cancel(task_id, "enough")
            return
        was = expected.state
        if was in WAITING:
            expected.state = State.CANCELLED
        expected.cancel = expected.cancel or was is not State.CANCELLED
        cancelled = self.store.acting.cancel(task_id, "enough")
        assert (cancelled.state, cancelled.before) == (expected.state, was is State.CANCELLED)

    @rule(task_id=tasks)
    def its_time_is_over(self, task_id: UUID) -> None:
        expected = self.expected[task_id]
        if expected.state not in TERMINAL:
            self.store.change(task_id, expires_at=now_plus(-1))
            expected.late = True

    @rule()
    def expire(self) -> None:
        late = {i: e for i, e in self.expected.items() if e.late and e.state in WAITING}
        assert {one.task_id for one in self.store.expiry.expire(100)} == late.keys()
        for expected in late.values():
            expected.state = State.EXPIRED

    @rule(target=tasks, task_id=tasks)
    def retry(self, task_id: UUID) -> Any:
        expected, again = self.expected[task_id], new_task()
        if expected.state not in TERMINAL:
            with pytest.raises(TaskNotFinished):
                self.store.acting.retry(task_id, again)
            return multiple()
        self.store.acting.retry(task_id, again)
        expected.final = None  # it names the new one now
        self.expected[again.id] = Expected(again.max_attempts)
        return again.id

    @rule(task_id=tasks)
    def run_at_another_time(self, task_id: UUID) -> None:
        expected, change = self.expected[task_id], Change(run_at=self.store.now())
        if expected.state not in WAITING:
            with pytest.raises(TaskNotWaiting):
                self.store.acting.change(task_id, change)
            return
        expected.anew()
        assert self.store.acting.change(task_id, change) == Dispatch(
            task_id, expected.dispatch_no, "default.normal", "echo"
        )

    @rule(task_id=tasks, off_by=st.sampled_from([0, 0, 0, -1]), by_worker=st.booleans())
    def is_held(self, task_id: UUID, off_by: int, by_worker: bool) -> None:
        expected = self.expected[task_id]
        number = expected.dispatch_no + off_by
        if by_worker:
            self.store.leases.still_reserved({task_id: number})
        else:
            self.store.upkeep.confirm([Dispatch(task_id, number, "default.normal", "echo")])
        if not off_by and expected.state in WAITING:
            expected.published = True

    @rule()
    def broker_loses_everything(self) -> None:
        for task_id, expected in self.expected.items():
            if expected.published and expected.state in WAITING:
                self.store.change(task_id, published_at=now_plus(-60))
        lost = [e for e in self.expected.values() if e.published and e.state in WAITING]
        assert self.store.upkeep.count_published("default.normal", 30.0, 100) == len(lost)
        assert self.store.upkeep.dispatch_anew("default.normal", 30.0, 100) == len(lost)
        for expected in lost:
            expected.anew()

    @rule()
    def relay(self) -> None:
        """Every waiting task whose message nobody holds gets its turn, and no other."""
        waiting = {i: e for i, e in self.expected.items() if e.state in WAITING and not e.published}
        if waiting:
            self.store.make_due(*waiting)
        taken = self.store.upkeep.take_due(100)
        assert {d.task_id: d.dispatch_no for d in taken} == {i: e.dispatch_no for i, e in waiting.items()}

    @rule(task_id=tasks, off_by=st.sampled_from([0, 0, -1]))
    def nobody_takes_the_message(self, task_id: UUID, off_by: int) -> None:
        expected = self.expected[task_id]
        number = expected.dispatch_no + off_by
        self.store.upkeep.undeliverable(task_id, number, delay_s=0.0, give_up_after=GIVE_UP_AFTER, message="nobody")
        if off_by or expected.state not in WAITING:
            return
        if number - expected.attempt < GIVE_UP_AFTER:
            expected.anew()
        else:
            expected.state = State.FAILURE

    @invariant()
    def rows_are_as_expected(self) -> None:
        rows, kept = self.store.rows()
        assert rows.keys() == self.expected.keys()
        for task_id, expected in self.expected.items():
            row = rows[task_id]
            if expected.final is not None:
                assert row == expected.final
                continue
            assert self._said(row) == {
                "state": expected.state,
                "dispatch_no": expected.dispatch_no,
                "attempt": expected.attempt,
                "uncharged_attempts": expected.uncharged,
                "lost_leases": expected.lost,
                "lease_token": expected.token,
                "finished": expected.state in TERMINAL,
                "cancel": expected.cancel,
            }
            assert kept[task_id] == expected.kept
            if expected.state in WAITING:
                # The relay has it, or somebody was known to hold its message: it is never nobody's.
                assert (row["relay_at"] is None) == expected.published
            if expected.state in TERMINAL:
                expected.final = row

    @invariant()
    def every_step_was_told_once(self) -> None:
        """As many events as steps, in their order: each says the state that the row came into by it."""
        page = self.store.event_log.after(self.cursor)
        self.cursor = page.cursor
        stepped = {}
        for _, event in page.events:
            if event["event"] == "task.removed":
                assert self.told.pop(event["task_id"]) == event["state"]
                continue
            assert event["event"] == (
                "task.accepted" if event["task_id"] not in self.told else EVENT_OF[State(event["state"])]
            ) or (event["event"], self.told[event["task_id"]]) == ("task.changed", event["state"])
            if event["state"] != self.told.get(event["task_id"]):
                assert event["task_id"] not in stepped
                stepped[event["task_id"]] = event["state"]
            self.told[event["task_id"]] = event["state"]
        assert self.told == {str(task_id): expected.state for task_id, expected in self.expected.items()}

    def teardown(self) -> None:
        """All steps are in the books, and those agree with the rows."""
        for _ in range(2):
            balance = Balances(self.store.database).of(3600)
            assert balance.discrepancies == []
            assert balance.totals.get("accepted", 0) == len(self.expected) + self.removed
            while Books(self.store.database).enter():
                pass

    @staticmethod
    def _said(row: RowMapping) -> dict[str, Any]:
        names = ("state", "dispatch_no", "attempt", "uncharged_attempts", "lost_leases", "lease_token")
        said = {name: row[name] for name in names}
        return said | {"finished": row["finished_at"] is not None, "cancel": row["cancel_requested_at"] is not None}


@pytest.mark.parametrize(("database", "examples"), [("sqlite", 12), ("postgresql", 10)])
def test_whatever_happens_rows_say_what_they_should(
    request: pytest.FixtureRequest, database: str, examples: int
) -> None:
    store: Store = request.getfixturevalue(database)

    class LifeHere(Life):
        def __init__(self) -> None:
            super().__init__(store)

    bounds = settings(max_examples=examples, stateful_step_count=40, deadline=None, database=None)
    run_state_machine_as_test(LifeHere, settings=bounds)
