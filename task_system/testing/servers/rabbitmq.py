"""A private RabbitMQ node."""

import os
from collections.abc import Sequence
from functools import cached_property
from http import HTTPStatus
from pathlib import Path

import amqp

from task_system.testing.servers.binaries import rabbitmq_server
from task_system.testing.servers.ports import HOST, free_port
from task_system.testing.servers.probe import http_status
from task_system.testing.servers.process import Process
from task_system.testing.servers.server import Server, ServerFailed, kept_secret, wait_until, write_private

_USER = "task_system"
_VHOST = "task_system"
_NODE = "task_system@localhost"
_ENOUGH_SCHEDULERS = "+S 2:2 +SDcpu 1:1"
"""The cores belong to what is being tested: few schedulers (they do not spin: the start script sees to that)."""


class RabbitMQ(Server):
    """One RabbitMQ node with its own name service, data, user and virtual host, everything on loopback.

    ``management=True`` adds the management page and HTTP API (``management_url``). Nodes that are to ``join`` have a
    ``node`` name each, ``name@ADDRESS``, and that loopback ``address``, at which they listen and from which they speak.
    """

    name = "rabbitmq"

    def __init__(self, folder: Path, *, management: bool = False, node: str = _NODE, address: str = HOST) -> None:
        super().__init__(folder)
        self.node, self.address = node, address
        self.port = free_port()
        self._distribution_port = free_port()
        #: Nodes that join share the number, each at its own address.
        self.epmd_port = free_port()
        self._management_port = free_port() if management else None

    @property
    def url(self) -> str:
        return f"amqp://{_USER}:{self._password}@{self.address}:{self.port}/{_VHOST}"

    @property
    def management_url(self) -> str:
        """The management page's address, credentials included."""
        if self._management_port is None:
            raise RuntimeError("started without the management plugin")
        return f"http://{_USER}:{self._password}@{HOST}:{self._management_port}"

    def ctl(self, *arguments: str, timeout_s: float = 60) -> str:
        """Run ``rabbitmqctl`` against the node and return what it prints.

        Raises:
            ServerFailed: the command failed or took longer than ``timeout_s``.
        """
        log = self.folder / f"ctl-{os.urandom(4).hex()}.log"
        # under a guard as well: where the node is away it leaves a name service daemon behind
        command = Process(
            [self._server.with_name("rabbitmqctl"), "--quiet", *self._names, "--node", self.node, *arguments],
            log=log,
            environment=self._environment(),
            cwd=self.folder,
        )
        command.start()
        command.wait(timeout_s)
        if command.exit_status != 0:
            command.kill()
            raise ServerFailed("rabbitmqctl", f"{arguments[0]} ended with status {command.exit_status}", command)
        command.kill()
        output = log.read_text()
        log.unlink()
        return output

    def wait_until_queues_are_on_disk(self, timeout_s: float = 30) -> None:
        """Wait until every quorum queue would be found again by a node started after a crash.

        RabbitMQ notes where a new queue's files are a second or so after it has confirmed the declaration, and even
        messages. Killed before, a node comes back with the queue empty (4.3) or stuck without a leader (3.10).
        """
        files = self.folder / "data" / self.node / "quorum" / self.node

        def on_disk() -> bool:
            queues = [os.fsencode(config.parent.name) for config in files.glob("*/config")]
            known = [(files / name).read_bytes() for name in ("names.dets", "meta.dets")]
            return all(queue in table for queue in queues for table in known)

        wait_until(on_disk, timeout_s)

    def join(self, other: "RabbitMQ") -> None:
        """Become a node of another's cluster: with its cookie, and without what was here."""
        self.ctl("stop_app")
        self.ctl("reset")
        self.ctl("join_cluster", other.node)
        self.ctl("start_app")

    @property
    def _names(self) -> list[str]:
        return ["--longnames"] if self.node != _NODE else []

    @property
    def _distribution(self) -> str:
        """Where the node listens for others, and where it speaks from."""
        address = "{" + self.address.replace(".", ",") + "}"
        speaks = f" -kernel inet_dist_connect_options [{{ip,{address}}}]" if self._names else ""
        return f"-kernel inet_dist_use_interface {address}{speaks}"

    @cached_property
    def _server(self) -> Path:
        return rabbitmq_server()

    @property
    def _password(self) -> str:
        return kept_secret(self.folder / "password")

    def _prepare(self) -> None:
        settings = {
            "listeners.tcp.local": f"{self.address}:{self.port}",
            "default_user": _USER,
            "default_pass": self._password,
            "default_vhost": _VHOST,
            "log.console": "true",
            "log.file": "false",
        }
        if self._management_port is not None:
            settings |= {"management.tcp.ip": HOST, "management.tcp.port": str(self._management_port)}
        lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
        write_private(self.folder / "rabbitmq.conf", lines)
        plugins = "rabbitmq_management" if self._management_port is not None else ""
        (self.folder / "enabled_plugins").write_text(f"[{plugins}].\n")

    def _command(self) -> Sequence[str | Path]:
        return [self._server]

    def _environment(self) -> dict[str, str]:
        # the machine's own node may be configured in RABBITMQ_*: none of that is for this one
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("RABBITMQ_", "ERL_"))}
        folder = str(self.folder)
        return inherited | {
            "HOME": folder,  # the Erlang cookie
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": self.address if not self._names else "",
            "ERL_CRASH_DUMP_SECONDS": "0",
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_USE_LONGNAME": "true" if self._names else "false",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": self.address,
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/rabbitmq-env.conf",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": f"{folder}/data",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{folder}/config",
            "RABBITMQ_SCHEMA_DIR": f"{folder}/schema",
            # the start script then becomes the node instead of staying in front of it: our child's pid is the node's
            "RABBITMQ_ALLOW_INPUT": "true",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-noinput {_ENOUGH_SCHEDULERS} {self._distribution}",
            "RABBITMQ_CTL_ERL_ARGS": self._distribution,
            "RABBITMQ_CTL_DIST_PORT_MIN": "0",  # any free one
            "RABBITMQ_CTL_DIST_PORT_MAX": "0",
        }

    def _ping(self) -> None:
        with amqp.Connection(
            host=f"{self.address}:{self.port}",
            userid=_USER,
            password=self._password,
            virtual_host=_VHOST,
            connect_timeout=2,
            read_timeout=10,
        ):
            pass
        if self._management_port is not None and http_status(f"{self.management_url}/api/overview") != HTTPStatus.OK:
            raise ConnectionError("the management API does not answer yet")
