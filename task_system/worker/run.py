"""What a worker knows of one message and the attempt that came of it."""

import time
from typing import Any
from uuid import UUID, uuid4

from kombu import Message

from task_system.model.routing import Priority, priority_of
from task_system.store.leases import Claimed
from task_system.worker.job import Job


class Run:
    """From the message to the recorded end. Celery's `inspect` reads `id`, `name` and `info()`."""

    def __init__(self, message: Message, task_id: UUID, dispatch_no: int, task_type: str, queue: str) -> None:
        self.message = message
        self.task_id = task_id
        #: Celery's name for it.
        self.id = str(task_id)
        self.dispatch_no = dispatch_no
        self.task_type = task_type
        self.queue = queue
        self.priority: Priority = priority_of(queue)
        self.lease_token = uuid4()
        #: Set by the claim; when, on the monotonic clock.
        self.claimed: Claimed | None = None
        self.claimed_at = 0.0
        #: Set when the pool begins with it: a process id, or a thread's.
        self.pid: int | None = None
        self.started_at: float | None = None
        #: When a cancel was first heard of (on the monotonic clock); and whether the attempt was told to stop for it.
        self.cancel_heard_at: float | None = None
        self.cancel_told = False

    @property
    def name(self) -> str:
        """Celery's name for the task type."""
        return self.task_type

    def info(self, safe: bool = False) -> dict[str, Any]:  # noqa: ARG002 - Celery passes it
        """What `celery inspect active` and Flower show."""
        return {
            "id": self.id,
            "name": self.task_type,
            "args": [],
            "kwargs": {},
            "type": self.task_type,
            "hostname": None,
            "time_start": self.started_at,
            "acknowledged": self.claimed is not None,
            "delivery_info": {"exchange": "tasks", "routing_key": self.queue, "priority": None, "redelivered": None},
            "worker_pid": self.pid,
        }

    def job(self) -> Job:
        """What the pool is handed."""
        claimed = self.claimed
        assert claimed
        return Job(
            claimed.id,
            claimed.task_type,
            claimed.parameters,
            claimed.attempt,
            claimed.charged_attempts,
            claimed.max_attempts,
            claimed.lease_token,
            claimed.timeout_s,
        )

    def begun(self, pid: int) -> None:
        """The pool begins with it."""
        self.pid = pid
        self.started_at = time.time()
