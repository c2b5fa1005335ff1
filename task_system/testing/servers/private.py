"""Several private servers at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from types import TracebackType
from typing import Self

from task_system.testing.servers.postgresql import PostgreSQL
from task_system.testing.servers.rabbitmq import RabbitMQ
from task_system.testing.servers.redis import Redis
from task_system.testing.servers.server import Server


class PrivateServers:
    """The servers asked for, each in its own folder below ``folder``, started and stopped at the same time."""

    def __init__(
        self,
        folder: Path,
        *,
        rabbitmq: bool = True,
        redis: bool = True,
        postgresql: bool = True,
        durable: bool = True,
    ) -> None:
        self._rabbitmq = RabbitMQ(folder / "rabbitmq") if rabbitmq else None
        self._redis = Redis(folder / "redis") if redis else None
        self._postgresql = PostgreSQL(folder / "postgresql", durable=durable) if postgresql else None

    @property
    def rabbitmq(self) -> RabbitMQ:
        assert self._rabbitmq is not None
        return self._rabbitmq

    @property
    def redis(self) -> Redis:
        assert self._redis is not None
        return self._redis

    @property
    def postgresql(self) -> PostgreSQL:
        assert self._postgresql is not None
        return self._postgresql

    @property
    def environment(self) -> dict[str, str]:
        """The settings by which the service finds these servers."""
        named = {"DATABASE_URL": self._postgresql, "BROKER_URL": self._rabbitmq, "REDIS_URL": self._redis}
        return {name: server.url for name, server in named.items() if server is not None}

    def start(self) -> None:
        """Start all of them and return once all answer; where one fails, stop the others and raise its error."""
        start_together(self._servers())

    def stop(self) -> None:
        """Stop all of them."""
        stop_together(self._servers())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _servers(self) -> list[Server]:
        return [server for server in (self._rabbitmq, self._redis, self._postgresql) if server is not None]


def start_together(servers: Sequence[Server], on_up: Callable[[Server], None] | None = None) -> None:
    """Start servers at the same time, calling ``on_up`` with each as soon as it answers.

    Where one fails, or the caller is interrupted, all are stopped and the error is raised.
    """
    try:
        with ThreadPoolExecutor(len(servers) or 1) as pool:
            starting = {pool.submit(server.start): server for server in servers}
            try:
                for done in as_completed(starting):
                    done.result()
                    if on_up:
                        on_up(starting[done])
            except BaseException:
                for server in servers:
                    server.kill()  # so that nobody goes on waiting for it
                raise
    except BaseException:
        stop_together(servers)
        raise


def stop_together(servers: Sequence[Server]) -> None:
    """Stop servers at the same time."""
    with ThreadPoolExecutor(len(servers) or 1) as pool:
        list(pool.map(lambda server: server.stop(), servers))
