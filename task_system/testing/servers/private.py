"""Several private servers at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
        management: bool = False,
    ) -> None:
        self._rabbitmq = RabbitMQ(folder / "rabbitmq", management=management) if rabbitmq else None
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
        try:
            self._for_each(lambda server: server.start())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all of them."""
        self._for_each(lambda server: server.stop())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _for_each(self, action: Callable[[Server], None]) -> None:
        servers: list[Server] = [s for s in (self._rabbitmq, self._redis, self._postgresql) if s is not None]
        with ThreadPoolExecutor(len(servers) or 1) as pool:
            list(pool.map(action, servers))
