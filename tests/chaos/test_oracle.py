"""The judge sees each promise that is broken, and nothing where none is."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from task_system.model.ids import new_id
from task_system.model.states import State
from tests.chaos.harness.load import Promises
from tests.chaos.harness.oracle import Oracle
from tests.contract.kit import Store
from tests.integration.witness import Witness


@dataclass
class Court:
    """A store, what handlers said, what clients were promised, and the judge over them."""

    store: Store
    witness: Path
    promises: Promises = field(default_factory=Promises)

    def __post_init__(self) -> None:
        self.oracle = Oracle(self._rows, Witness(self.witness))

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.store.database.read() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def promise(self, task_id: UUID) -> UUID:
        """A client was told that this is accepted."""
        self.promises.accepted[str(task_id)] = str(task_id)
        self.promises.labels.add(str(task_id))
        return task_id

    def put(self, state: State = State.SUCCESS, **values: Any) -> UUID:
        """A row of this load."""
        task_id = values.setdefault("id", new_id())
        parameters = {"file": str(self.witness), "label": values.pop("label", str(task_id))}
        return self.store.put(state, task_type="test_witnessed", parameters=parameters, **values)

    def say(self, what: str, task_id: UUID, attempt: int, token: UUID) -> None:
        """As handlers do."""
        said = {"what": what, "task_id": str(task_id), "attempt": attempt, "lease_token": str(token)}
        with self.witness.open("a", encoding="utf-8") as file:
            file.write(json.dumps(said) + "\n")

    def succeed(self) -> UUID:
        """A task that was promised, run once and recorded."""
        task_id, token = new_id(), uuid4()
        self.say("began", task_id, 1, token)
        self.say("done", task_id, 1, token)
        return self.promise(self.put(id=task_id, attempt=1, result=_result(token)))


def _result(token: UUID) -> str:
    return json.dumps({"attempt": 1, "lease_token": str(token)})


@pytest.fixture
def court(postgresql: Store, tmp_path: Path) -> Court:
    return Court(postgresql, tmp_path / f"witness-{time.time_ns()}")


def no_row(court: Court) -> None:
    court.promise(new_id())


def no_work(court: Court) -> None:
    court.promise(court.put(attempt=1, result=_result(uuid4())))


def another_row(court: Court) -> None:
    court.put(State.CANCELLED)


def another_run(court: Court) -> None:
    court.say("began", new_id(), 1, uuid4())


def other_result_later(court: Court) -> None:
    task_id, token = court.succeed(), uuid4()
    court.oracle.look()
    court.say("began", task_id, 2, token)
    court.say("done", task_id, 2, token)
    court.store.change(task_id, attempt=2, result=_result(token))
    # Who looks once more must not forget what was seen first.
    court.oracle.look()


def run_again_later(court: Court) -> None:
    task_id = court.succeed()
    court.oracle.look()
    court.store.change(task_id, state=State.RETRY, finished_at=None)


def one_lease_for_two(court: Court) -> None:
    token = uuid4()
    for _ in range(2):
        task_id = new_id()
        court.say("began", task_id, 1, token)
        court.say("done", task_id, 1, token)
        court.promise(court.put(id=task_id, attempt=1, result=_result(token)))


def not_over(court: Court) -> None:
    court.promise(court.put(State.PENDING))


def started_again(court: Court) -> None:
    task_id = court.succeed()
    court.say("began", task_id, 2, uuid4())


def begun_twice(court: Court) -> None:
    task_id = court.succeed()
    court.say("began", task_id, 1, uuid4())


def no_success(court: Court) -> None:
    court.promise(court.put(State.FAILURE))


BROKEN: dict[Callable[[Court], None], set[str]] = {
    no_row: {"lost"},
    no_work: {"lost"},
    another_row: {"phantom", "failed"},
    another_run: {"phantom"},
    other_result_later: {"two_outcomes", "unaccounted"},
    run_again_later: {"two_outcomes", "stuck"},
    one_lease_for_two: {"two_outcomes"},
    not_over: {"stuck"},
    started_again: {"unaccounted"},
    begun_twice: {"undone", "unaccounted"},
    no_success: {"failed"},
}


@pytest.mark.parametrize("breaks", BROKEN, ids=lambda breaks: breaks.__name__)
def test_what_is_broken_is_told(court: Court, breaks: Callable[[Court], None]) -> None:
    court.succeed()
    breaks(court)
    told = court.oracle.judge(court.promises).broken()
    assert {one.partition(":")[0] for one in told} == BROKEN[breaks]


def test_where_all_is_kept_nothing_is_told(court: Court) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    court.store.change(court.succeed(), finished_at=long_ago)
    again = court.succeed()
    # An attempt that ended, and its task was started once more.
    court.say("began", again, 2, uuid4())
    with court.store.database.write() as connection:
        connection.execute(
            text("INSERT INTO attempts (task_id, attempt, outcome, finished_at) VALUES (:id, 1, 'lost', now())"),
            {"id": again},
        )
    for _ in range(2):
        court.oracle.look()
    verdict = court.oracle.judge(court.promises)
    assert not verdict.broken()
    assert (verdict.accepted, verdict.starts, verdict.extra_starts, verdict.accounted_starts) == (2, 3, 1, 1)
    assert court.oracle.live() == 0


def test_what_is_not_over_is_counted(court: Court) -> None:
    for state in State:
        court.put(state)
    assert court.oracle.live() == 3
