"""The private servers: really up when they say so, the same after a restart, gone when they should be."""

import os
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import amqp
import psycopg
import pytest
from redis import Redis as RedisClient
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from task_system.testing.servers import (
    MailCatcher,
    PostgreSQL,
    PrivateServers,
    Process,
    RabbitMQ,
    Redis,
    ServerFailed,
    ServerMissing,
)
from task_system.testing.servers.install import no_services_started
from task_system.testing.servers.ports import free_port
from task_system.testing.servers.probe import processes_in
from task_system.testing.servers.server import wait_until


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateServers]:
    folder = tmp_path_factory.mktemp("servers")
    with PrivateServers(folder) as running:
        yield running
    assert processes_in(folder) == []


def connect(broker: RabbitMQ, **changed: str) -> amqp.Connection:
    user, _, password = broker.url.removeprefix("amqp://").partition("@")[0].partition(":")
    settings = {"userid": user, "password": password, "virtual_host": "task_system"} | changed
    return amqp.Connection(host=f"127.0.0.1:{broker.port}", confirm_publish=True, read_timeout=20, **settings)


def test_rabbitmq_keeps_confirmed_messages_through_a_kill_and_its_port(servers: PrivateServers) -> None:
    broker, url, pid = servers.rabbitmq, servers.rabbitmq.url, servers.rabbitmq.pid
    assert pid is not None
    with connect(broker) as connection, connection.channel() as channel:
        channel.queue_declare("kept", durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
        channel.basic_publish_confirm(amqp.Message("once", delivery_mode=2), routing_key="kept")
    broker.wait_until_queues_are_on_disk()

    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not broker.running, 10)
    assert broker.pid is None
    broker.start()

    assert broker.url == url
    with connect(broker) as connection, connection.channel() as channel:
        message = channel.basic_get("kept", no_ack=True)
        assert message is not None
        assert message.body == "once"


def test_rabbitmq_is_closed_to_strangers(servers: PrivateServers) -> None:
    with pytest.raises(amqp.AccessRefused), connect(servers.rabbitmq, userid="guest", password="guest"):
        pytest.fail("the default account was let in")
    assert (servers.rabbitmq.folder / "rabbitmq.conf").stat().st_mode & 0o777 == 0o600


def test_rabbitmqctl_reaches_the_node(servers: PrivateServers) -> None:
    assert "task_system" in servers.rabbitmq.ctl("list_vhosts")
    with pytest.raises(ServerFailed, match="list_nothing"):
        servers.rabbitmq.ctl("list_nothing")


@pytest.mark.parametrize("name", ["rabbitmq", "redis", "postgresql"])
def test_listens_on_loopback_only(servers: PrivateServers, name: str) -> None:
    loopback = {"0100007F", "00000000000000000000000001000000"}
    pid = getattr(servers, name).pid
    inodes = {
        str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]")
        for descriptor in Path(f"/proc/{pid}/fd").iterdir()
        if str(descriptor.readlink()).startswith("socket:")
    }
    listening = [
        fields[1].partition(":")[0]
        for table in ("tcp", "tcp6")
        for fields in map(str.split, Path(f"/proc/net/{table}").read_text().splitlines())
        if fields[3] == "0A" and fields[9] in inodes
    ]
    assert listening
    assert set(listening) <= loopback


def test_postgresql_keeps_committed_rows_through_a_kill(servers: PrivateServers) -> None:
    database = servers.postgresql
    with psycopg.connect(database.url) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('once')")

    database.kill()
    assert not database.running
    database.start()

    with psycopg.connect(database.url) as connection:
        assert connection.execute("SELECT word FROM kept").fetchall() == [("once",)]
        for promise in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"SHOW {promise}").fetchone() == ("on",)


def test_postgresql_copies_a_template_database(servers: PrivateServers) -> None:
    with psycopg.connect(servers.postgresql.create_database("pattern")) as connection:
        connection.execute("CREATE TABLE from_pattern AS SELECT 1 AS one")
    with psycopg.connect(servers.postgresql.create_database("copy", template="pattern")) as connection:
        assert connection.execute("SELECT one FROM from_pattern").fetchone() == (1,)
    servers.postgresql.drop_database("copy")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(servers.postgresql.database_url("copy"))


def test_postgresql_asks_for_the_password(servers: PrivateServers) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host="127.0.0.1", port=servers.postgresql.port, user="task_system", password="guess")


def test_redis_restarts_empty_on_its_port(servers: PrivateServers) -> None:
    with RedisClient.from_url(servers.redis.url) as client:
        client.set("copy", "1")
    servers.redis.restart()
    with RedisClient.from_url(servers.redis.url) as client:
        assert client.get("copy") is None


def test_a_stopped_server_hangs_and_goes_on(servers: PrivateServers) -> None:
    servers.redis.send_signal(signal.SIGSTOP)
    impatient = RedisClient.from_url(servers.redis.url, socket_timeout=0.3, retry=Retry(NoBackoff(), 0))
    with impatient, pytest.raises(RedisTimeoutError):
        impatient.ping()
    servers.redis.send_signal(signal.SIGCONT)
    with RedisClient.from_url(servers.redis.url) as client:
        assert client.ping()


def test_mail_is_kept_with_its_envelope_and_refused_where_the_address_says_so(tmp_path: Path) -> None:
    message = EmailMessage()
    message["Subject"] = "Grüße"
    message.set_content("Hello")
    with MailCatcher(tmp_path) as mail:
        with smtplib.SMTP("127.0.0.1", mail.port, timeout=5) as client:
            refused = client.send_message(message, "me@example.com", ["you@example.com", "reply-451@example.com"])
        assert refused["reply-451@example.com"][0] == 451
        [kept] = mail.messages()
    assert (kept["Subject"], kept["X-MailFrom"], kept["X-RcptTo"]) == ("Grüße", "me@example.com", "you@example.com")
    assert kept.get_content().strip() == "Hello"


def test_a_failed_start_shows_the_end_of_the_log_and_leaves_nothing(tmp_path: Path) -> None:
    server = Redis(tmp_path)
    with socket.create_server(("127.0.0.1", server.port)), pytest.raises(ServerFailed, match="in use"):
        server.start()
    assert not server.running
    assert processes_in(tmp_path) == []


def test_a_server_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = tmp_path / "silent-server"
    silent.write_text("#!/bin/sh\necho waiting for nobody\nexec sleep 600\n")
    silent.chmod(0o755)
    monkeypatch.setenv("REDIS_SERVER", str(silent))
    server = Redis(tmp_path / "redis")
    with pytest.raises(ServerFailed, match=r"did not answer within 0\.5 s(.|\n)*waiting for nobody"):
        server.start(timeout_s=0.5)
    assert processes_in(tmp_path) == []


@pytest.mark.parametrize(
    ("variable", "server", "package"),
    [
        ("RABBITMQ_SERVER", RabbitMQ, "rabbitmq-server"),
        ("REDIS_SERVER", Redis, "redis-server"),
        ("POSTGRES_BIN", PostgreSQL, "postgresql"),
    ],
)
def test_a_missing_program_says_what_to_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    server: Callable[[Path], RabbitMQ | Redis | PostgreSQL],
    package: str,
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "nowhere"))
    with pytest.raises(ServerMissing, match=rf"apt-get install {package}\n(.|\n)*{variable}"):
        server(tmp_path).start()


STARTER = """
import sys
from pathlib import Path
from task_system.testing.servers import PrivateServers
with PrivateServers(Path(sys.argv[1]), durable=False) as servers:
    print("up", flush=True)
    sys.stdin.read()
"""


def test_a_killed_starter_leaves_nothing_running(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "up\n"
        running = "\n".join(processes_in(tmp_path))
        for server in ("beam", "epmd", "redis-server", "postgres"):
            assert server in running
        starter.kill()
    wait_until(lambda: not processes_in(tmp_path), 60)


DAEMON = "import os, time; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); time.sleep(600)"


def test_a_daemon_ends_with_the_command_that_left_it(tmp_path: Path) -> None:
    script = f'{sys.executable} -c "{DAEMON}"; echo ready; exec sleep 600'
    process = Process(["sh", "-c", script], log=tmp_path / "log", environment=dict(os.environ), cwd=tmp_path)
    process.start()
    wait_until(lambda: "ready" in process.tail(), 10)
    assert any("setsid" in line for line in processes_in(tmp_path))
    process.send_signal(signal.SIGTERM)
    assert process.wait(10)
    assert process.exit_status == 128 + signal.SIGTERM
    assert processes_in(tmp_path) == []
    process.stop(0)


def test_who_ignores_the_request_is_killed_after_the_grace(tmp_path: Path) -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 1; done"
    process = Process(["sh", "-c", script], log=tmp_path / "log", environment=dict(os.environ), cwd=tmp_path)
    process.start()
    wait_until(lambda: "ready" in process.tail(), 10)
    process.stop(0.2)
    assert process.exit_status == 128 + signal.SIGKILL
    assert processes_in(tmp_path) == []


def test_a_stopped_command_stands_still_when_the_signal_was_sent(tmp_path: Path) -> None:
    process = Process(["sleep", "600"], log=tmp_path / "log", environment=dict(os.environ), cwd=tmp_path)
    process.start()
    for _ in range(20):
        process.send_signal(signal.SIGSTOP)
        assert "\nState:\tT" in Path(f"/proc/{process.pid}/status").read_text()
        process.send_signal(signal.SIGCONT)
        assert "\nState:\tT" not in Path(f"/proc/{process.pid}/status").read_text()
    process.stop(0)


def test_a_command_that_cannot_be_run_says_so(tmp_path: Path) -> None:
    process = Process([tmp_path / "nowhere"], log=tmp_path / "log", environment={}, cwd=tmp_path)
    process.start()
    assert process.wait(10)
    assert process.exit_status == 127
    assert "nowhere: No such file or directory" in process.tail()
    process.stop(0)


def test_a_port_is_given_once_and_never_from_the_range_of_outgoing_connections() -> None:
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = [free_port() for _ in range(200)]
    assert len(set(ports)) == len(ports)
    assert max(ports) < first_outgoing
    for port in ports:
        with socket.create_server(("127.0.0.1", port)):
            pass


def test_no_service_starts_while_packages_are_installed(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    with no_services_started(policy):
        assert subprocess.run([policy], check=False).returncode == 101
    assert not policy.exists()

    policy.write_text("mine")
    with no_services_started(policy):
        assert subprocess.run([policy], check=False).returncode == 101
    assert policy.read_text() == "mine"
