"""Three nodes of RabbitMQ on one machine, each with an address of its own, so that they can be cut off from each other.

Rules of iptables do the cutting, so this is only for a network that nobody else is in.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from task_system.testing.servers import PrivateServers, Process, RabbitMQ
from task_system.testing.servers.ports import free_port
from task_system.testing.servers.private import start_together
from task_system.testing.servers.server import Server, kept_secret, write_private

COUNT = 3


class ClusterServers(PrivateServers):
    """PostgreSQL, Redis, and the nodes; the first is the one that is spoken to unless a proxy leads elsewhere."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._epmd_port = free_port()
        self._epmd = Process(
            ["epmd", "-port", str(self._epmd_port)], log=folder / "epmd.log", environment=dict(os.environ)
        )
        secrets = folder / "secrets"
        secrets.mkdir(parents=True)
        password, cookie = kept_secret(secrets / "password"), kept_secret(secrets / "cookie")
        self.nodes = [self._node(folder / f"node{number}", number, password, cookie) for number in range(1, COUNT + 1)]
        self._rabbitmq = self.nodes[0]

    def _node(self, folder: Path, number: int, password: str, cookie: str) -> RabbitMQ:
        folder.mkdir()
        address = f"127.0.1.{number}"
        node = RabbitMQ(folder, node=f"node{number}@{address}", address=address)
        node.epmd_port = self._epmd_port
        write_private(folder / "password", password)
        write_private(folder / ".erlang.cookie", cookie)
        (folder / ".erlang.cookie").chmod(0o400)
        return node

    def start(self) -> None:
        """Start all, and join the nodes."""
        self._epmd.start()
        super().start()
        for node in self.nodes[1:]:
            node.join(self.nodes[0])

    def stop(self) -> None:
        super().stop()
        self._epmd.kill()

    def repair(self) -> None:
        """Heal the network, and start the nodes that do not run: together, as each waits for the others."""
        _iptables("-F")
        start_together([node for node in self.nodes if not node.running])

    @contextmanager
    def partition(self, alone: RabbitMQ) -> Iterator[None]:
        """While inside, one node and the others do not hear of each other, and no connection is told."""
        others = [node for node in self.nodes if node is not alone]
        for node in others:
            _iptables("-A", "INPUT", "-s", alone.address, "-d", node.address, "-j", "DROP")
            _iptables("-A", "INPUT", "-s", node.address, "-d", alone.address, "-j", "DROP")
        try:
            yield
        finally:
            _iptables("-F")

    def _servers(self) -> list[Server]:
        return [*self.nodes, *(server for server in super()._servers() if not isinstance(server, RabbitMQ))]


def why_not() -> str | None:
    """What this machine, or this run, lacks."""
    if os.environ.get("CHAOS_NETWORK") != "own":
        return "needs a network of its own: run `make chaos` as root"
    if missing := [program for program in ("iptables", "epmd") if not shutil.which(program)]:
        return f"needs {' and '.join(missing)}"
    return None


def _iptables(*arguments: str) -> Sequence[str]:
    command = ["iptables", *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=20)
    return command
