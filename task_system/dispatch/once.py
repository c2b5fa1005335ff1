"""Submitting something only once, however often it is sent."""

import hashlib
import time
from collections.abc import Sequence
from typing import Any

import orjson

from task_system.dispatch.submit import Accepted, Dispatcher, Submission
from task_system.model.errors import IdempotencyKeyReused, InvalidSubmission
from task_system.model.events import Events
from task_system.model.task import Recorded, Task
from task_system.store.idempotency import Existing, Idempotency, Once
from task_system.store.reading import Reading

#: How long an `Idempotency-Key` is known, in seconds.
KEEP_KEYS_S = 86_400.0


class SubmitOnce:
    """One per process; safe to call from any thread."""

    def __init__(self, dispatcher: Dispatcher, idempotency: Idempotency, reading: Reading, events: Events) -> None:
        self._dispatcher = dispatcher
        self._idempotency = idempotency
        self._reading = reading
        self._events = events

    def submit(self, submission: Submission, once: Once) -> Accepted | Task:
        """Accept a task; answers the one that was accepted under this key before, if there is one.

        Raises IdempotencyKeyReused where that was another submission, and what `Dispatcher.submit` raises.
        """
        started = time.monotonic()
        row = self._dispatcher.row_of(submission)
        # What comes a second time is answered as the first, whatever became of its files; most find it without a lock.
        recorded: Recorded | Existing | None = self._idempotency.existing(row, once)
        if recorded is None:
            self._dispatcher.check_files(row)
            recorded = self._idempotency.record(row, once)
        if isinstance(recorded, Existing):
            if recorded.fingerprint != once.fingerprint:
                raise IdempotencyKeyReused(errors=[{"path": "Idempotency-Key", "message": "came with another body"}])
            return self._reading.task(recorded.task_id)
        self._events.emit("task.accepted", count=1, duration_s=time.monotonic() - started)
        return self._dispatcher.accepted(row, recorded)


def by_key(key: str, body: dict[str, Any]) -> Once:
    """Once per `Idempotency-Key`, which may only come with this body."""
    return Once(key=f"key:{key}", keep_s=KEEP_KEYS_S, fingerprint=_hash(body))


def by_fields(submission: dict[str, Any], fields: Sequence[str], keep_s: float) -> Once:
    """Once per value of these fields (`parameters.user.id`) of a submission. Raises InvalidSubmission for no field."""
    return Once(key=f"unique:{key_of_fields(submission, fields, 'unique_by')}", keep_s=keep_s)


def key_of_fields(submission: dict[str, Any], fields: Sequence[str], path: str) -> str:
    """The same for the same values of these fields, which stand at `path`. Raises InvalidSubmission for no field."""
    return _hash([[field, _at(submission, field, path)] for field in fields])


def _hash(value: Any) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _at(value: Any, field: str, path: str) -> Any:
    for name in field.split("."):
        if not isinstance(value, dict) or name not in value:
            message = f"there is no {field!r} in this submission"
            raise InvalidSubmission(errors=[{"path": path, "message": message}])
        value = value[name]
    return value
