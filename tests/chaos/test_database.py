"""PostgreSQL goes away, hangs, is full, or does what it was asked and does not say so: no 202 that is not kept."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import psycopg
import pytest

from tests.chaos.harness.framing import Frame
from tests.chaos.harness.row import Steps, row
from tests.chaos.harness.system import ROLES, System
from tests.chaos.harness.toxics import Latency, SwallowReply, Timeout
from tests.integration.service import wait_until

OUTAGE = "Without its database the service says 503 with Retry-After, and goes on by itself when it is back."
UNKNOWN = "What was committed and not answered is found again under its key: one task, however often it is sent."
SLOW = "A slow or crowded database makes requests wait a bounded time, and loses nothing."


def asks(sql: bytes) -> object:
    """Says of a client's frame whether it is an execution of such a statement."""

    def asked(frame: Frame) -> bool:
        return frame.kind in "BQ" and sql in frame.sql.lstrip().upper()

    return asked


@row(
    "F15",
    "PostgreSQL is stopped as by a power cut, and started again",
    promise=OUTAGE,
    tells="database",
    refuses=True,
    loses_attempts=True,
    every_change=True,
)
def test_postgresql_restarts(system: System) -> Steps:
    system.servers.postgresql.stop_immediately()
    yield
    system.servers.postgresql.start()


@row(
    "F15",
    "PostgreSQL is away for 20 s: longer than leases hold",
    promise=OUTAGE,
    tells="database",
    refuses=True,
    loses_attempts=True,
    during_s=20,
)
def test_postgresql_is_away(system: System) -> Steps:
    system.servers.postgresql.stop_immediately()
    yield
    system.servers.postgresql.start()


@row(
    "F15",
    "kill -9 of every session of PostgreSQL",
    promise=OUTAGE,
    refuses=True,
    loses_attempts=True,
)
def test_backends_die(system: System) -> Steps:
    postmaster = system.servers.postgresql.pid
    with psycopg.connect(system.servers.postgresql.url) as connection:
        backends = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'task-system'"
        ).fetchall()
    assert postmaster
    for (pid,) in backends:
        # The first that dies takes the others with it.
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    yield
    wait_until(lambda: _answers(system), 30, "PostgreSQL has recovered")


def _answers(system: System) -> bool:
    try:
        return system.rows("SELECT 1") == [(1,)]
    except psycopg.OperationalError:
        return False


@row("F15", "PostgreSQL ends every session, five times", promise=OUTAGE, refuses=True, loses_attempts=True)
def test_sessions_are_ended(system: System) -> Steps:
    for _ in range(5):
        system.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'task-system'")
        time.sleep(0.3)
    yield


@pytest.mark.parametrize("role", ROLES)
@row(
    "F20",
    "the answers to 20 statements of the {role} are swallowed, done as they were",
    promise=UNKNOWN,
    refuses=True,
    loses_attempts=True,
    during_s=5,
)
def test_any_answer_is_swallowed(system: System, role: str) -> Steps:
    toxic = SwallowReply(lambda frame: frame.kind in "BQ", until="Z", times=20)
    with system.toxic("postgresql", toxic, [role]):
        yield
    assert toxic.swallowed


@row(
    "F20",
    "10 commits of submissions are done, and their answers swallowed",
    promise=UNKNOWN,
    refuses=True,
    every_change=True,
)
def test_commits_of_submissions_are_swallowed(system: System) -> Steps:
    toxic = SwallowReply(asks(b"INSERT INTO TASKS"), until="Z", times=10)  # type: ignore[arg-type]
    with system.toxic("postgresql", toxic, ["web"]):
        wait_until(lambda: toxic.swallowed >= 5, 20, "answers were swallowed")
        yield


@row("F20", "10 COMMITs of keyed submissions are done, and their answers swallowed", promise=UNKNOWN, refuses=True)
def test_commits_under_keys_are_swallowed(system: System) -> Steps:
    toxic = SwallowReply(asks(b"COMMIT"), until="Z", times=10)  # type: ignore[arg-type]
    with system.toxic("postgresql", toxic, ["web"]):
        wait_until(lambda: toxic.swallowed >= 5, 20, "answers were swallowed")
        yield


@row(
    "F20",
    "10 claims or ends are written, and their answers swallowed",
    promise=UNKNOWN,
    loses_attempts=True,
    every_change=True,
)
def test_claims_and_ends_are_swallowed(system: System) -> Steps:
    toxic = SwallowReply(lambda frame: frame.kind in "BQ" and b"lease_token" in frame.sql, until="Z", times=10)
    with system.toxic("postgresql", toxic, ["worker"]):
        wait_until(lambda: toxic.swallowed >= 5, 20, "answers were swallowed")
        yield


@pytest.mark.parametrize("role", ROLES)
@row(
    "F12",
    "a half-open connection between the {role} and PostgreSQL for 10 s",
    promise=OUTAGE,
    refuses=True,
    loses_attempts=True,
    during_s=10,
    hangs_s=15.0,
)
def test_a_half_open_connection_to_postgresql(system: System, role: str) -> Steps:
    with system.toxic("postgresql", Timeout(), [role]):
        yield


@row("F17", "every statement takes 200 ms longer", promise=SLOW, p99_ms=None, during_s=5, refuses=True)
def test_postgresql_is_slow(system: System) -> Steps:
    with system.toxic("postgresql", Latency(0.1)):
        yield


@row("F17", "somebody locks the table for 4 s", promise=SLOW, refuses=True, p99_ms=None, during_s=4)
def test_the_table_is_locked(system: System) -> Steps:
    with psycopg.connect(system.servers.postgresql.url) as connection:
        connection.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def crowd(system: System) -> Iterator[None]:
    """Strangers take every connection that is left, and each that becomes free."""
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(psycopg.connect(system.servers.postgresql.url, connect_timeout=2))
            except psycopg.OperationalError:
                break
        yield


@row(
    "F17",
    "strangers hold every connection of PostgreSQL, while all of ours are reset",
    promise=SLOW,
    tells="database",
    refuses=True,
    loses_attempts=True,
    during_s=5,
)
def test_connections_run_out(system: System) -> Steps:
    for proxy in system.between("postgresql"):
        proxy.down()
    time.sleep(0.5)
    with crowd(system):
        for proxy in system.between("postgresql"):
            proxy.up()
        yield


@row(
    "F16",
    "PostgreSQL becomes read only, as an old primary does",
    promise=OUTAGE,
    refuses=True,
    loses_attempts=True,
    during_s=5,
)
def test_postgresql_is_read_only(system: System) -> Steps:
    _read_only(system, "on")
    yield
    _read_only(system, "off")


def _read_only(system: System, value: str) -> None:
    with psycopg.connect(system.servers.postgresql.database_url("postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}".encode())
        connection.execute("SELECT pg_reload_conf()")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'task-system'"
        )
