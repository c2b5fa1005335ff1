"""Clients that submit at a rate, whatever happens, and write down what was promised to them."""

import itertools
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import requests

from task_system.testing.servers.ports import HOST
from tests.chaos.harness.system import System
from tests.standstill import Stopwatch

CLIENTS = 8
_PRIORITIES = ("high", "normal", "low")


@dataclass
class Promises:
    """What clients know. `labels`: those sent; `keyed`: the label of each sent under a key."""

    #: Task id: label.
    accepted: dict[str, str] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    keyed: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)
    slowest_s: float = 0.0
    problems: list[str] = field(default_factory=list)

    def percentile_ms(self, share: float) -> float:
        """Of the time that accepted submissions took."""
        ordered = sorted(self.latencies_s)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Load:
    """Submits witnessed tasks until stopped; every second one under an `Idempotency-Key`, repeated until accepted."""

    def __init__(
        self,
        system: System,
        folder: Path,
        *,
        per_s: float,
        work_s: float = 0.005,
        clients: int = CLIENTS,
        front: bool = True,
        keep_alive: bool = True,
    ) -> None:
        #: Through the proxy, or straight.
        self._port = system.front.port if front else system.port
        self.witness_path = folder / f"witness-{uuid4().hex[:8]}"
        self._log = os.open(folder / "accepted", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._every_s = clients / per_s
        self._work_s = work_s
        #: Whether a client keeps its connection, or takes a new one for each submission.
        self._keep_alive = keep_alive
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._going = threading.Event()
        self._going.set()
        self._threads = [threading.Thread(target=self._client, args=(number,)) for number in range(clients)]
        self.promises = Promises()

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def pause(self) -> None:
        """Submit nothing for a while."""
        self._going.clear()

    def go_on(self) -> None:
        """Submit again."""
        self._going.set()

    def stop(self) -> None:
        """No more submissions; return when every client knows what became of its last one, or gave up."""
        self._stopping.set()
        self._going.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a client hangs"
        os.close(self._log)

    def _client(self, number: int) -> None:
        due = time.monotonic() + self._every_s * number / len(self._threads)
        with requests.Session() as http:
            if not self._keep_alive:
                http.headers["Connection"] = "close"
            while not self._stopping.wait(max(0.0, due - time.monotonic())):
                self._going.wait()
                due = max(due + self._every_s, time.monotonic() - 1)
                self._submit(http)

    def _submit(self, http: requests.Session) -> None:
        with self._lock:
            number = next(self._numbers)
        label = f"{self.witness_path.name}-{number}"
        keyed = number % 2 == 0
        with self._lock:
            self.promises.labels.add(label)
            if keyed:
                self.promises.keyed.add(label)
        until = time.monotonic() + 30
        while not self._accepted(http, number, label, keyed):
            # Only under a key is it harmless to send the same again; without one this submission stays unknown.
            if not keyed or time.monotonic() > until:
                return
            time.sleep(0.1)

    def _accepted(self, http: requests.Session, number: int, label: str, keyed: bool) -> bool:
        body = {
            "task_type": "test_witnessed",
            "parameters": {"file": str(self.witness_path), "seconds": self._work_s, "label": label},
            "priority": _PRIORITIES[number % 3],
            # Some wait for the keeper first.
            "delay": 0.5 if number % 10 == 0 else 0,
        }
        headers = {"Idempotency-Key": label} if keyed else {}
        watch = Stopwatch()
        try:
            answer = http.post(f"http://{HOST}:{self._port}/api/tasks", json=body, headers=headers, timeout=20)
        except requests.RequestException as error:
            self._refused(type(error).__name__, watch.s)
            return False
        took_s = watch.s
        if answer.status_code != 202:
            self._refused(f"{answer.status_code} {answer.text[:200]}", took_s)
            if answer.status_code not in {429, 503} or "Retry-After" not in answer.headers:
                self.promises.problems.append(f"{answer.status_code} {answer.text[:300]}")
            return False
        task_id = answer.json()["task_id"]
        with self._lock:
            os.write(self._log, f"{task_id} {label}\n".encode())
            os.fsync(self._log)
            self.promises.accepted[task_id] = label
            self.promises.latencies_s.append(took_s)
            self.promises.slowest_s = max(self.promises.slowest_s, took_s)
        return True

    def _refused(self, why: str, took_s: float) -> None:
        with self._lock:
            self.promises.refused.append(why)
            self.promises.slowest_s = max(self.promises.slowest_s, took_s)
