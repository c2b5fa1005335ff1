"""A cancel comes at the very moment at which its task is published, claimed, started or ended."""

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.chaos.harness.row import Steps, row
from tests.chaos.harness.system import System
from tests.integration.service import TERMINAL, wait_until
from tests.integration.witness import Witness

RACES = "A task is cancelled or it succeeds, and never both; what was cancelled while it waited never starts."
#: Somebody is held there while tasks gather, and let go while they are cancelled.
HELD_AT = (
    "publisher.before_send",
    "publisher.sent",
    "publisher.confirmed",
    "worker.received",
    "worker.before_claim",
    "worker.claimed",
    "worker.acknowledged",
    "child.before_handler",
    "child.after_handler",
    "worker.before_finish",
    "worker.finished",
)
#: Times at each point, and tasks each time.
TIMES, TASKS = 10, 10
#: Cancels come within so long of the release, before or after it, in seconds.
NEAR_S = 0.03
_ENDS = ("task.succeeded", "task.cancelled", "task.failed", "task.expired")


@row(
    "F29",
    f"{len(HELD_AT) * TIMES * TASKS:,} cancels race with publish, claim, start and end",
    promise=RACES,
    during_s=0,
    per_s=10,
    p99_ms=None,
)
def test_cancels_race(system: System, tmp_path_factory: pytest.TempPathFactory) -> Steps:
    seed = random.SystemRandom().randrange(2**32)
    print("seed", seed)
    chance, folder = random.Random(seed), tmp_path_factory.mktemp("races")
    witness = Witness(folder / "witness")
    answers: dict[str, int] = {}
    with ThreadPoolExecutor(TASKS) as pool:
        races = Race(system, pool, chance, witness)
        for point in HELD_AT:
            for number in range(TIMES):
                answers |= races.run(point, folder / f"{point}-{number}")
    yield
    yield
    states = wait_until(lambda: all_over(system, list(answers)), 60, "all over")
    said = Counter((answers[id_], state) for id_, state in states.items())
    print(said)
    assert set(said) <= {(200, "CANCELLED"), (202, "CANCELLED"), (202, "SUCCESS"), (409, "SUCCESS")}, said
    # Cancels came both before and after; or nothing raced.
    assert said[200, "CANCELLED"] > TASKS, said
    assert said[202, "SUCCESS"] + said[409, "SUCCESS"] > TASKS, said
    began = Counter(one["task_id"] for one in witness.said("began"))
    assert not [id_ for id_, answer in answers.items() if answer == 200 and began[id_]]
    done = Counter(one["task_id"] for one in witness.said("done"))
    for id_, state in states.items():
        assert began[id_] <= 1, (id_, state, began[id_])
        assert state == "CANCELLED" or done[id_] == 1, (id_, state)
    assert set(ends_told(system, list(answers)).values()) == {1}


@dataclass
class Race:
    """Cancels of tasks that were submitted while somebody was held."""

    system: System
    pool: ThreadPoolExecutor
    chance: random.Random
    witness: Witness

    def run(self, point: str, barrier: Path) -> dict[str, int]:
        """Hold somebody at the point, submit, and cancel all while it is let go; answers with the status of each."""
        self.system.arm(point, f"barrier {barrier}")
        parameters = {"file": str(self.witness.path)}
        ids = [self.system.submit("test_witnessed", parameters)["task_id"] for _ in range(TASKS)]
        wait_until(lambda: self.system.reached(point), 20, f"{point} reached")
        released_at = time.monotonic() + NEAR_S
        cancels = {id_: self.pool.submit(self._cancel, id_, released_at + self._near()) for id_ in ids}
        time.sleep(max(0.0, released_at - time.monotonic()))
        barrier.touch()
        self.system.disarm()
        return {id_: cancel.result() for id_, cancel in cancels.items()}

    def _near(self) -> float:
        return self.chance.uniform(-NEAR_S, NEAR_S)

    def _cancel(self, task_id: str, at: float) -> int:
        time.sleep(max(0.0, at - time.monotonic()))
        # An answer that is kept keeps its connection open, and there is an end of those.
        return requests.delete(f"{self.system.base_url}/api/tasks/{task_id}", timeout=20).status_code


def all_over(system: System, ids: list[str]) -> dict[str, str] | None:
    """Their states, once all are terminal."""
    listed = ", ".join(f"'{id_}'" for id_ in ids)
    states = dict(system.rows(f"SELECT id::text, state FROM tasks WHERE id IN ({listed})"))
    return states if set(states) == set(ids) and set(states.values()) <= TERMINAL else None


def ends_told(system: System, ids: list[str]) -> Counter[str]:
    """How many ends the event log tells of each."""
    told = system.rows("SELECT e ->> 1, e ->> 0 FROM event_batches, json_array_elements(CAST(events AS json)) AS e")
    ends = Counter(id_ for id_, event in told if event in _ENDS)
    return Counter({id_: ends[id_] for id_ in ids})
