"""What waits in the broker, what the result stores hold."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import kombu
import psycopg
import redis

from benchmarks.running import Stand


class Broker:
    """A queue's depth, and emptying it."""

    def __init__(self, connection: kombu.Connection) -> None:
        self._connection = connection

    def depth(self, queue: str) -> int:
        """Messages ready in the queue; 0 when there is no such queue yet."""
        with self._connection.channel() as channel:
            try:
                return int(channel.queue_declare(queue, passive=True).message_count)
            except self._connection.channel_errors:
                return 0

    def purge(self, queue: str) -> None:
        """Empty the queue, where there is one."""
        if self.depth(queue):
            with self._connection.channel() as channel:
                channel.queue_purge(queue)


@contextmanager
def broker(stand: Stand) -> Iterator[Broker]:
    """A connection to the benchmark's RabbitMQ."""
    with kombu.Connection(stand.servers.rabbitmq.url) as connection:
        yield Broker(connection)


class Rows:
    """The service's tasks, as its database has them."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def count(self, where: str = "true") -> int:
        """Rows of tasks for which it holds."""
        return int(self._one(f"SELECT count(*) FROM tasks WHERE {where}")[0])

    def finished_between(self, where: str = "true") -> tuple[datetime, datetime]:
        """When the first and the last of them finished."""
        first, last = self._one(f"SELECT min(finished_at), max(finished_at) FROM tasks WHERE {where}")
        return first, last

    def clear(self) -> None:
        """Forget all tasks, so that every round starts from the same."""
        self._connection.execute("TRUNCATE tasks, attempts")

    def _one(self, statement: str) -> tuple[Any, ...]:
        row = self._connection.execute(statement.encode()).fetchone()
        assert row is not None
        return row


@contextmanager
def rows(stand: Stand) -> Iterator[Rows]:
    """A connection to the benchmark's PostgreSQL."""
    with psycopg.connect(stand.servers.postgresql.url, autocommit=True) as connection:
        yield Rows(connection)


class Results:
    """The entries of Celery's Redis result store."""

    _PATTERN = "celery-task-meta-*"

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def count(self) -> int:
        """Results there are, by a count that costs the server nothing; nothing else is kept in it while a peer runs."""
        return int(self._client.dbsize())

    def finished(self) -> list[datetime]:
        """When each finished, as the worker wrote it, in order."""
        keys = list(self._client.scan_iter(match=self._PATTERN, count=1000))
        entries = self._client.mget(keys) if keys else []
        return sorted(datetime.fromisoformat(json.loads(entry)["date_done"]) for entry in entries if entry)

    def clear(self) -> None:
        """Forget all results."""
        self._client.flushdb()


@contextmanager
def results(stand: Stand) -> Iterator[Results]:
    """A connection to the benchmark's Redis."""
    with redis.Redis.from_url(stand.servers.redis.url) as client:
        yield Results(client)
