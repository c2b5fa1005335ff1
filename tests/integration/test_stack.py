"""`make stack`: up in order, honest about what died, down in order. Servers are real, the roles are stand-ins."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import amqp
import psycopg
from redis import Redis

from task_system.testing.servers.probe import http_status, processes_in
from task_system.testing.servers.server import wait_until

#: Of a machine that has much else to do: until all servers are up, and until a process does as it was told, in seconds.
UP_S, SAYS_S = 180.0, 60.0
DRIVER = """
import sys
from pathlib import Path
from task_system.cli.stack import Role, Stack, run_until_interrupted
from task_system.testing.servers.ports import free_port

data_dir, migrate_status = sys.argv[1:]
web = '''
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Ok(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
HTTPServer(("127.0.0.1", int(sys.argv[1] if len(sys.argv) > 1 else os.environ["PORT"])), Ok).serve_forever()
'''
worker = '''
import os, signal, socket, sys, urllib.parse
def warm_shutdown(*_):
    broker = urllib.parse.urlsplit(os.environ["BROKER_URL"])
    socket.create_connection((broker.hostname, broker.port)).close()
    print("handed back while the broker was up", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, warm_shutdown)
print("at work", flush=True)
while True:
    signal.pause()
'''
keeper = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
port, flower_port = free_port(), free_port()
roles = [
    Role("migrate", ("-c", f"import sys; print('migrating'); sys.exit({migrate_status})")),
    Role("web", ("-c", web)),
    Role("worker", ("-c", worker)),
    Role("keeper", ("-c", keeper)),
    Role("flower", ("-c", web, str(flower_port))),
]
sys.exit(run_until_interrupted(Stack(Path(data_dir), port, 10, roles, flower_port)))
"""


class Running:
    """A stack in a session of its own, as in a terminal: an interrupt goes to the whole foreground group."""

    def __init__(self, data_dir: Path, migrate_status: int) -> None:
        self.data_dir = data_dir
        self._output = data_dir.with_name(f"output-{time.monotonic_ns()}")
        with self._output.open("wb") as output:
            command = [sys.executable, "-c", DRIVER, str(data_dir), str(migrate_status)]
            self.process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)

    def says(self, text: str) -> Callable[[], bool]:
        def said() -> bool:
            assert text in self.output or self.process.poll() is None, self.output
            return text in self.output

        return said

    @property
    def output(self) -> str:
        return self._output.read_text()

    def log(self, name: str) -> str:
        return (self.data_dir / "log" / f"{name}.log").read_text()

    def interrupt(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)


@contextmanager
def stack(data_dir: Path, migrate_status: int = 0) -> Iterator[Running]:
    running = Running(data_dir, migrate_status)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait(10)


def read_addresses(env_file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in env_file.read_text().splitlines())


def test_comes_up_tells_its_addresses_names_the_dead_and_leaves_nothing(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    env_file = data_dir / "stack.env"
    with stack(data_dir) as running:
        wait_until(running.says("ready;"), UP_S)
        assert env_file.stat().st_mode & 0o777 == 0o600
        addresses = read_addresses(env_file)
        assert http_status(addresses["BASE_URL"]) == http_status(addresses["FLOWER_URL"]) == 200
        assert http_status(f"{addresses['RABBITMQ_MANAGEMENT_URL']}/api/whoami") == 200
        assert psycopg.connect(addresses["DATABASE_URL"]).close() is None
        with Redis.from_url(addresses["REDIS_URL"]) as client:
            assert client.ping()
        user, _, password = addresses["BROKER_URL"].removeprefix("amqp://").partition("@")[0].partition(":")
        host, _, vhost = addresses["BROKER_URL"].rpartition("@")[2].partition("/")
        with amqp.Connection(host=host, userid=user, password=password, virtual_host=vhost) as connection:
            assert connection.connected
        assert password not in running.output
        for name in ("BASE_URL", "FLOWER_URL", "SMTP_URL"):
            assert addresses[name] in running.output

        keeper = running.log("keeper")
        os.kill(int(keeper), signal.SIGKILL)
        wait_until(running.says("keeper has ended with status 137"), SAYS_S)
        assert f"\n{keeper}" in running.output
        assert http_status(addresses["BASE_URL"]) == 200

        running.interrupt()
        assert running.process.wait(SAYS_S) == 0
        assert "handed back while the broker was up" in running.log("worker")
        assert processes_in(data_dir) == []
        assert not env_file.exists()


def test_refuses_a_second_one_and_ends_with_the_reason_when_a_migration_fails(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with stack(data_dir, migrate_status=3) as running:
        wait_until(running.says("redis "), UP_S)
        with stack(data_dir) as second:
            assert second.process.wait(SAYS_S) == 1
            assert f"already running on {data_dir}" in second.output
        assert running.process.wait(UP_S) == 1
        assert "migrate has ended with status 3" in running.output
        assert "\nmigrating\n" in running.output
        assert "ready;" not in running.output
        assert not (data_dir / "stack.env").exists()
        assert processes_in(data_dir) == []


def test_an_interrupt_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with stack(data_dir) as running:
        wait_until(running.says("redis "), UP_S)
        running.interrupt()
        assert running.process.wait(SAYS_S) == 0
        assert "ready;" not in running.output
        assert processes_in(data_dir) == []
