"""A private Redis without persistence."""

from collections.abc import Sequence
from pathlib import Path

from redis import Redis as Client

from task_system.testing.servers.binaries import redis_server
from task_system.testing.servers.ports import HOST, free_port
from task_system.testing.servers.server import Server, kept_secret, write_private


class Redis(Server):
    """Redis on a free loopback port; what it holds is gone after a restart, as after a cache's."""

    name = "redis"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"redis://:{kept_secret(self.folder / 'password')}@{HOST}:{self.port}/0"

    def _prepare(self) -> None:
        settings = {
            "bind": HOST,
            "port": self.port,
            "requirepass": kept_secret(self.folder / "password"),
            "save": '""',
            "appendonly": "no",
            "dir": f'"{self.folder}"',
        }
        write_private(self.folder / "redis.conf", "".join(f"{key} {value}\n" for key, value in settings.items()))

    def _command(self) -> Sequence[str | Path]:
        return [redis_server(), self.folder / "redis.conf"]

    def _ping(self) -> None:
        with Client.from_url(self.url, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
