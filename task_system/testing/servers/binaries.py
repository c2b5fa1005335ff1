"""Where this machine keeps the programs of servers and of the browser, and what to run when it does not have them."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

PACKAGES = {"rabbitmq": "rabbitmq-server", "redis": "redis-server", "postgresql": "postgresql", "chromium": "chromium"}
"""Server, or the browser, to Debian package."""

_DEBIAN_RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""What Debian's ``/usr/sbin/rabbitmq-server`` calls after changing user and folder, which a private node must not."""


class ServerMissing(RuntimeError):
    """A server's program is not on this machine; the message says how to get it."""

    def __init__(self, server: str, variable: str) -> None:
        super().__init__(
            f"{server} is not installed here. Run:\n    sudo apt-get install {PACKAGES[server]}\n"
            f"or set {variable} to where it is."
        )


def rabbitmq_server() -> Path:
    """Return the program that starts a RabbitMQ node (``RABBITMQ_SERVER``); ``rabbitmqctl`` stands beside it."""
    if not os.environ.get("RABBITMQ_SERVER") and _DEBIAN_RABBITMQ.exists():
        return _DEBIAN_RABBITMQ
    return _program("rabbitmq", "RABBITMQ_SERVER", ("rabbitmq-server", "/usr/sbin/rabbitmq-server"))


def redis_server() -> Path:
    """Return the program that starts Redis (``REDIS_SERVER``)."""
    return _program("redis", "REDIS_SERVER", ("redis-server", "valkey-server"))


def postgresql_bin() -> Path:
    """Return the folder of ``initdb`` and ``postgres`` (``POSTGRES_BIN``), the newest where there are several."""
    named = os.environ.get("POSTGRES_BIN")
    if named:
        if not (Path(named) / "postgres").exists():
            raise ServerMissing("postgresql", "POSTGRES_BIN")
        return Path(named)
    on_path = shutil.which("postgres")
    if on_path:
        return Path(on_path).resolve().parent
    installed = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if not installed:
        raise ServerMissing("postgresql", "POSTGRES_BIN")
    return max(installed, key=lambda folder: float(folder.parent.name))


def chromium() -> Path:
    """Return the browser (``CHROMIUM``)."""
    return _program("chromium", "CHROMIUM", ("chromium", "chromium-browser", "google-chrome"))


FINDERS: dict[str, Callable[[], Path]] = {
    "rabbitmq": rabbitmq_server,
    "redis": redis_server,
    "postgresql": postgresql_bin,
    "chromium": chromium,
}


def _program(server: str, variable: str, names: tuple[str, ...]) -> Path:
    named = os.environ.get(variable)
    for name in (named,) if named else names:
        found = shutil.which(name)
        if found:
            return Path(found)
    raise ServerMissing(server, variable)
