"""Copies of results in Redis, as Celery's own result entries, so that any Celery client reads them.

The database has every result; Redis is a copy that may be away, late or empty. (The entry's form is what Celery 5.7's
`celery.backends.base.Backend._get_result_meta` writes with the JSON serializer; a test reads it with a Celery client.)
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import redis

from task_system.model.errors import ResultsUnavailable
from task_system.model.states import State
from task_system.model.task import Settled

_KEY = "celery-task-meta-{}"
#: Before Celery's own members of an entry: the task as the API shows it, with its length, to be cut out unparsed.
_HEAD = b'{"view_bytes":"%010d","view":'
TIMEOUT_S = 0.5
#: After a failure Redis is left alone for this long, so that its absence costs nobody time, in seconds.
PAUSE_S = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultCopy:
    """What is copied of a finished task."""

    task_id: UUID
    state: State
    finished_at: datetime | None
    #: JSON text.
    result: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    error_traceback: str | None = None
    #: The task as the API shows it, when it is known whole.
    view: dict[str, Any] | None = None


class Results:
    """Result entries in one Redis. Connects when first used."""

    def __init__(self, url: str, expires_s: int) -> None:
        self._redis: redis.Redis = redis.Redis.from_url(
            url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, health_check_interval=25, protocol=2
        )
        self._expires_s = expires_s
        self._away_until = 0.0

    def put(self, copies: Sequence[ResultCopy]) -> None:
        """Store and announce these results in one round trip. Raises ResultsUnavailable."""
        self._raise_if_away()
        pipeline = self._redis.pipeline(transaction=False)
        for copy in copies:
            key, entry = _KEY.format(copy.task_id), _entry(copy)
            pipeline.set(key, entry, ex=self._expires_s)
            pipeline.publish(key, entry)
        try:
            pipeline.execute()
        except redis.RedisError as error:
            raise self._is_away() from error

    def tell(self, settled: Sequence[Settled]) -> None:
        """Announce tasks that no worker ended, so that nobody waits for them; as far as Redis is there to be told."""
        copies = [
            ResultCopy(
                task_id=one.task_id,
                state=one.state,
                finished_at=one.finished_at,
                error_type=one.error_type,
                error_message=one.error_message,
            )
            for one in settled
        ]
        try:
            self.put(copies)
        except ResultsUnavailable as error:
            _log.warning("%d ends could not be announced: %s", len(copies), error.detail)

    def forget(self, task_ids: Sequence[UUID]) -> None:
        """Drop what is copied of tasks whose rows say more now, or are gone; as far as Redis is there."""
        if time.monotonic() >= self._away_until:
            try:
                self._redis.delete(*map(_KEY.format, task_ids))
            except redis.RedisError:
                self._is_away()

    def view(self, task_id: UUID) -> bytes | None:
        """A finished task as the API shows it, as JSON; None when Redis does not have it or is away."""
        if time.monotonic() < self._away_until:
            return None
        try:
            entry: bytes | None = self._redis.get(_KEY.format(task_id))  # type: ignore[assignment]
        except redis.RedisError as error:
            self._is_away()
            _log.warning("Redis is away (%s); reading from the database", error)
            return None
        return _view(entry) if entry else None

    def ping(self) -> None:
        """Raise ResultsUnavailable unless Redis answers."""
        try:
            self._redis.ping()
        except redis.RedisError as error:
            raise ResultsUnavailable from error

    def _raise_if_away(self) -> None:
        if time.monotonic() < self._away_until:
            raise ResultsUnavailable

    def _is_away(self) -> ResultsUnavailable:
        self._away_until = time.monotonic() + PAUSE_S
        return ResultsUnavailable()


def _entry(copy: ResultCopy) -> bytes:
    meta: dict[str, Any] = {
        "status": _celery_state(copy.state),
        "result": orjson.Fragment(copy.result or "null") if copy.state is State.SUCCESS else _exception(copy),
        "traceback": copy.error_traceback,
        "children": [],
        "date_done": copy.finished_at.isoformat() if copy.finished_at else None,
        "task_id": str(copy.task_id),
    }
    entry = orjson.dumps(meta)
    if copy.view is None:
        return entry
    view = orjson.dumps(copy.view)
    return b"".join((_HEAD % len(view), view, b",", entry[1:]))


def _view(entry: bytes) -> bytes | None:
    head = len(_HEAD % 0)
    if not entry.startswith(_HEAD[:15]):
        return None
    return entry[head : head + int(entry[15:25])]


def _celery_state(state: State) -> str:
    """Celery knows no CANCELLED or EXPIRED; a client that waits for either must not wait for ever."""
    return "REVOKED" if state in {State.CANCELLED, State.EXPIRED} else state


def _exception(copy: ResultCopy) -> dict[str, Any]:
    if copy.state in {State.CANCELLED, State.EXPIRED}:
        return {"exc_type": "TaskRevokedError", "exc_message": [copy.state.lower()], "exc_module": "celery.exceptions"}
    return {
        "exc_type": copy.error_type or "Exception",
        "exc_message": [copy.error_message or ""],
        "exc_module": "builtins",
    }
