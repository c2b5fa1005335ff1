"""Clients that submit many tasks at once, go on whatever dies, and remember what was promised to them."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests

from tests.integration.service import SLOTS, Json, Stack, wait_until
from tests.integration.witness import Witness

CLIENTS = 4
#: How long the service may take to end all tasks once the fault is over.
SETTLED_S = 60.0


class Crowd:
    """Submits witnessed tasks from several threads until `count` were accepted."""

    def __init__(self, stack: Stack, witness: Witness, count: int, seconds: float, *, delayed: bool = True) -> None:
        self._stack = stack
        self._witness = witness
        self._count = count
        self._going = witness.path.with_name("going")
        self._going.touch()
        self._parameters = {"file": str(witness.path), "seconds": seconds, "gate": str(self._going)}
        self._delayed = delayed
        self._lock = threading.Lock()
        self._wanted = iter(range(count))
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._client) for _ in range(CLIENTS)]
        # Others' tasks are in the same database.
        [(self._since,)] = stack.rows("SELECT now()")
        self._ended_early: dict[str, Any] = {}
        #: Ids that a 202 was received for.
        self.accepted: list[str] = []
        #: Answers other than 202, and errors of the connection.
        self.refused: list[str] = []

    def _client(self) -> None:
        with requests.Session() as http:
            while (number := self._next()) is not None and not self._stopping.is_set():
                while not self._accepted(http, number) and not self._stopping.wait(0.05):
                    pass

    def _next(self) -> int | None:
        with self._lock:
            return next(self._wanted, None)

    def _accepted(self, http: requests.Session, number: int) -> bool:
        # Every tenth waits for the keeper first.
        body = {
            "task_type": "test_witnessed",
            "parameters": self._parameters,
            "priority": ("high", "normal", "low")[number % 3],
            "delay": 1 if self._delayed and number % 10 == 0 else 0,
        }
        try:
            answer = http.post(f"{self._stack.base_url}/api/tasks", json=body, timeout=10)
        except requests.RequestException as error:
            self.refused.append(repr(error))
            return False
        if answer.status_code != 202:
            self.refused.append(answer.text)
            return False
        self.accepted.append(answer.json()["task_id"])
        return True

    def submit(self) -> None:
        """Submit all."""
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()

    @contextmanager
    def in_flight(self, accepted: int, done: int) -> Iterator[None]:
        """The block begins when so many were accepted, none was started before, and so many of them are done.

        The other clients go on submitting meanwhile; the block's end waits for the last of them.
        """
        gate = self._witness.path.with_name("gate")
        blocking = [self._stack.submit("test_slow_gate", {"gate": str(gate)})["task_id"] for _ in range(SLOTS)]
        for task_id in blocking:
            self._stack.wait_for(task_id, lambda task: task["state"] == "STARTED", "a slot is taken")
        for thread in self._threads:
            thread.start()
        try:
            self._wait(lambda: len(self.accepted) >= accepted)
            gate.touch()
            self._wait(lambda: len(self._witness.said("done")) >= done)
            views = [self._stack.task(said["task_id"]) for said in self._witness.said("done")[:done]]
            self._ended_early = {view["task_id"]: view for view in views if view["state"] == "SUCCESS"}
            yield
        except BaseException:
            self._stopping.set()
            raise
        finally:
            gate.touch()
            for thread in self._threads:
                thread.join()

    @contextmanager
    def held(self) -> Iterator[None]:
        """While the block runs no task of these ends, and it begins when every slot has one."""
        self._going.unlink()
        try:
            self._wait(lambda: len(self._witness.said("began")) - len(self._witness.said("done")) >= SLOTS)
            yield
        finally:
            self._going.touch()

    def _wait(self, holds: Callable[[], bool]) -> None:
        wait_until(
            holds,
            60,
            lambda: f"{len(self.accepted)} accepted, {len(self._witness.said('done'))} done; {self.refused[-1:]}",
        )

    def settled(self) -> list[Json]:
        """Prove that every promise is kept, once, now that the fault is over; answers all tasks, finished."""
        started = time.monotonic()
        wait_until(lambda: not self._live(), SETTLED_S, lambda: f"all ended: {self._live()}")
        print(f"all ended {time.monotonic() - started:.1f} s after the fault; {len(self.refused)} requests refused")
        assert len(set(self.accepted)) == self._count
        tasks = {task_id: self._stack.task(task_id) for task_id in self.accepted}
        self._witness.prove(list(tasks.values()))
        for task_id, early in self._ended_early.items():
            assert tasks[task_id] == early, "a terminal row changed"
        # What is shown comes from Redis where it has it: both must tell of the same attempt.
        recorded = self._stack.rows(f"SELECT id, CAST(result AS json) ->> 'lease_token' FROM tasks WHERE {self._ours}")
        tokens = {str(task_id): token for task_id, token in recorded}
        for task_id, task in tasks.items():
            assert task["result"]["lease_token"] == tokens[task_id]
        return list(tasks.values())

    def published(self) -> int:
        """How many wait, and are known to be with the broker."""
        published = f"state = 'PENDING' AND published_at IS NOT NULL AND {self._ours}"
        [(count,)] = self._stack.rows(f"SELECT count(*) FROM tasks WHERE {published}")
        return int(count)

    @property
    def _ours(self) -> str:
        return f"task_type = 'test_witnessed' AND created_at >= '{self._since.isoformat()}'"

    def _live(self) -> list[tuple[Any, ...]]:
        """What has not ended: how many, and what they wait for."""
        return self._stack.rows(
            "SELECT state, queue, count(*), min(attempt), max(dispatch_no), min(published_at)::text,"
            " min(relay_at)::text, min(lease_until)::text, now()::text FROM tasks"
            f" WHERE state IN ('PENDING', 'STARTED', 'RETRY') AND {self._ours} GROUP BY state, queue"
        )
