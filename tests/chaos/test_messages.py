"""What arrives in the queues need not be ours, and need not be new."""

import pickle
from typing import Any
from uuid import uuid4

import pytest

from tests.chaos.harness.messages import headers, publish
from tests.chaos.harness.row import Steps, row
from tests.chaos.harness.system import System
from tests.integration.service import wait_until

STRANGE = "A message that is not ours runs nothing, stops nothing, and is gone."
OLD = "A message of a task that is over, cancelled or gone runs nothing."
#: Behind the load of the row itself a task has its turn within this, in seconds.
TURN_S = 60.0


class _Bomb:
    """Unpickled, it would leave a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (open, (self.path, "w"))


def garbage(path: str) -> dict[str, dict[str, Any]]:
    """Name: message."""
    ours = headers(str(uuid4()))
    return {
        "no JSON": {"body": b"{", "headers": ours},
        "a pickle": {
            "body": pickle.dumps(_Bomb(path)),
            "content_type": "application/x-python-serialize",
            "content_encoding": "binary",
            "headers": ours,
        },
        "YAML": {
            "body": b"!!python/object/apply:os.system ['true']",
            "content_type": "application/x-yaml",
            "headers": ours,
        },
        "no headers": {},
        "no body": {"body": b"", "headers": ours},
        "an unknown task type": {"headers": headers(str(uuid4()), task="nobody.knows.this")},
        "a task that there is not": {"headers": ours},
        "no id": {"headers": {"task": "test_witnessed", "dispatch_no": 1}},
        "an id that is none": {"headers": headers("../../etc/passwd")},
        "an id of 1 MB": {"headers": headers("x" * 60_000)},
        "a dispatch number that is text": {"headers": headers(str(uuid4())) | {"dispatch_no": "1"}},
        "a dispatch number that is too large": {"headers": headers(str(uuid4())) | {"dispatch_no": 2**40}},
        "a dispatch number below zero": {"headers": headers(str(uuid4()), -1)},
        "no dispatch number": {"headers": {"task": "test_witnessed", "id": str(uuid4())}},
        "Celery's own: a chord": {"headers": headers(str(uuid4()), task="celery.chord"), "body": b"[[], {}, {}]"},
        "an ETA in the year 9999": {"headers": ours | {"eta": "9999-01-01T00:00:00+00:00"}},
        "an ETA that is none": {"headers": ours | {"eta": "soon", "expires": []}},
        "a time limit of nothing": {"headers": ours | {"timelimit": "no"}},
        "arrays nested deep": {"body": b"[" * 20_000 + b"]" * 20_000, "headers": ours},
        "an unknown encoding": {"content_encoding": "klingon", "headers": ours},
        "Celery's protocol 1": {"body": b'{"task": "test_witnessed", "id": "x", "args": [], "kwargs": {}}'},
        "bytes": {
            "body": bytes(range(256)),
            "content_type": "application/octet-stream",
            "content_encoding": "binary",
            "headers": ours,
        },
    }


@row("F23", "22 kinds of garbage in the queues, each three times", promise=STRANGE, every_change=True, broker=True)
def test_garbage(system: System, tmp_path_factory: pytest.TempPathFactory) -> Steps:
    path = tmp_path_factory.mktemp("bomb") / "exploded"
    worker = system.processes["worker"].pid
    messages = list(garbage(str(path)).values())
    publish(system, messages * 3)
    yield
    yield
    assert not path.exists()
    assert system.processes["worker"].pid == worker, "the worker died of it"
    wait_until(lambda: _depth(system) == 0, 20, "the queue is empty")


def _depth(system: System) -> int:
    listed = system.servers.rabbitmq.ctl("list_queues", "--vhost", "task_system", "name", "messages")
    depths = dict(line.split("\t") for line in listed.splitlines() if line.startswith("default."))
    return sum(int(count) for count in depths.values())


@row(
    "F22",
    "100 copies of the message of a task that succeeded, one that was cancelled, one that is gone",
    promise=OLD,
    every_change=True,
)
def test_old_copies(system: System, tmp_path_factory: pytest.TempPathFactory) -> Steps:
    succeeded = system.run("test_noop", timeout_s=TURN_S)
    cancelled = system.submit("test_noop", delay=3600)["task_id"]
    assert system.request("DELETE", f"/api/tasks/{cancelled}").status_code == 200
    gone = system.run("test_noop", timeout_s=TURN_S)["task_id"]
    system.execute(f"DELETE FROM tasks WHERE id = '{gone}'")
    ids = [succeeded["task_id"], cancelled, gone]
    before = system.rows(_ROWS.format(succeeded["task_id"], cancelled))
    publish(system, [{"headers": headers(task_id, number, "test_noop")} for task_id in ids for number in (1, 2)] * 50)
    yield
    yield
    wait_until(lambda: _depth(system) == 0, 30, "all copies are taken")
    assert system.rows(_ROWS.format(succeeded["task_id"], cancelled)) == before
    assert system.rows(f"SELECT count(*) FROM tasks WHERE id = '{gone}'") == [(0,)]


_ROWS = "SELECT id, state, attempt, dispatch_no, finished_at, result FROM tasks WHERE id IN ('{}', '{}') ORDER BY id"
