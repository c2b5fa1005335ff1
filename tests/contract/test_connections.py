"""What a connection to PostgreSQL promises: how long anything waits, what is on disk, and what "away" means."""

import os
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from task_system.model.errors import StoreUnavailable
from task_system.model.outcome import Claim, Finish
from task_system.store import Database
from task_system.store.submissions import Submissions
from tests.contract.kit import DEADLINE_S, Store, at_once, end_of, new_task


def run(store: Store, *statements: str) -> None:
    with store.database.write() as connection:
        for statement in statements:
            connection.execute(text(statement))


@pytest.mark.usefixtures("as_in_the_service")
@pytest.mark.parametrize(("durable", "commit"), [(True, "on"), (False, "off")])
def test_a_durable_commit_waits_for_the_disk(postgresql_url: str, durable: bool, commit: str) -> None:
    database = Database(postgresql_url, durable=durable)
    with database.read() as connection:
        assert connection.scalar(text("SHOW synchronous_commit")) == commit
        assert connection.scalar(text("SHOW timezone")) == "UTC"
        assert connection.scalar(text("SHOW statement_timeout")) == "5s"
        assert connection.scalar(text("SHOW lock_timeout")) == "3s"
    database.close()


def test_what_a_worker_is_answered_is_on_disk(postgresql_url: str) -> None:
    """Claims, ends, both, and claims beside an end that came too late; else a worker's connections wait for no disk."""
    database = Database(postgresql_url, durable=False)
    store = Store(database)

    def unflushed_after(finishes: list[Finish], claims: list[Claim], recorded: int | None = None) -> bool:
        before = wal("pg_current_wal_insert_lsn()")
        ends, claimed = store.leases.settle(finishes, claims)
        assert (len(ends), len(claimed)) == (len(finishes) if recorded is None else recorded, len(claims))
        return wal("pg_current_wal_flush_lsn()") <= before

    def wal(place: str) -> int:
        with database.read() as connection:
            return int(connection.scalar(text(f"SELECT {place} - '0/0'::pg_lsn")) or 0)

    try:
        for _ in range(10):
            first, second = (Claim(store.submit().id, 1, uuid4()) for _ in range(2))
            ends = [Finish(claim.task_id, claim.lease_token, end_of("success")) for claim in (first, second)]
            assert not unflushed_after([], [first])
            assert not unflushed_after(ends[:1], [second])
            assert not unflushed_after(ends[1:], [])
            third, zombie = Claim(store.submit().id, 1, uuid4()), Finish(first.task_id, uuid4(), end_of("success"))
            assert not unflushed_after([zombie], [third], recorded=0)
    finally:
        database.close()


def test_a_statement_that_takes_too_long_is_given_up(postgresql: Store) -> None:
    with pytest.raises(StoreUnavailable):
        run(postgresql, "SET LOCAL statement_timeout = 50", "SELECT pg_sleep(20)")


def test_waiting_for_a_lock_is_given_up(postgresql: Store) -> None:
    row = postgresql.submit()
    with postgresql.database.write() as holder:
        holder.execute(text("SELECT 1 FROM tasks WHERE id = :id FOR UPDATE"), {"id": row.id})
        with pytest.raises(StoreUnavailable):
            run(postgresql, "SET LOCAL lock_timeout = 50", "UPDATE tasks SET attempt = 9")
    assert postgresql.row(row.id)["attempt"] == 0


def end_all_others(database: Database) -> None:
    """Every connection to this database but the one that says so."""
    with database.write() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


@pytest.fixture
def ending(postgresql: Store) -> Iterator[Store]:
    """A store whose connections the test ends; the tests after it get new ones."""
    yield postgresql
    postgresql.database.close()


def test_connections_that_the_server_ended_are_replaced(postgresql_url: str) -> None:
    database, other = (Database(postgresql_url, connections=2) for _ in range(2))
    at_once(2, lambda _: database.ping())
    end_all_others(other)
    other.close()
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            database.ping()
            break
        except StoreUnavailable:
            assert time.monotonic() < deadline
    database.close()


def test_a_pool_that_is_exhausted_says_away_in_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("task_system.store.database.POOL_TIMEOUT_S", 0.05)
    database = Database(
        store.database.engine.url.render_as_string(hide_password=False).replace("+psycopg", ""), connections=1
    )
    with database.read(), pytest.raises(StoreUnavailable):
        database.ping()
    database.ping()
    database.close()


def test_a_mistake_in_sql_is_not_called_away(postgresql: Store) -> None:
    with pytest.raises(DBAPIError), postgresql.database.read() as connection:
        connection.execute(text("SELECT no_such_column FROM tasks"))


def test_what_raises_is_rolled_back(store: Store) -> None:
    row = store.submit()

    def write_and_fail() -> None:
        with store.database.write() as connection:
            connection.execute(text("UPDATE tasks SET attempt = 5"))
            raise LookupError

    with pytest.raises(LookupError):
        write_and_fail()
    assert store.row(row.id)["attempt"] == 0


def test_a_full_disk_is_told_from_a_database_that_cannot_be_reached(postgresql: Store) -> None:
    def refuse(code: str) -> str:
        with pytest.raises(StoreUnavailable) as said:
            run(postgresql, f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$")
        return said.value.detail

    assert "disk is full" in refuse("53100")
    assert "cannot be reached" in refuse("57P01")


def test_the_standing_connection_is_replaced_when_the_server_ended_it(ending: Store) -> None:
    submissions = Submissions(ending.database)
    assert submissions.record([new_task()])
    end_all_others(ending.database)
    row = new_task()
    with pytest.raises(StoreUnavailable):
        submissions.record([row])
    assert list(submissions.record([row])) == [row.id]
    assert list(submissions.record([row])) == [row.id], "recording again is harmless"


def test_a_forked_process_speaks_on_connections_of_its_own(postgresql: Store) -> None:
    submissions, row = Submissions(postgresql.database), new_task()
    assert submissions.record([new_task()])
    child = os.fork()
    if child == 0:
        # Nothing of pytest is to happen twice.
        try:
            postgresql.database.forget()
            os._exit(0 if list(submissions.record([row])) == [row.id] and postgresql.row(row.id) else 1)
        finally:
            os._exit(2)
    assert submissions.record([new_task()])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert submissions.record([new_task()]), "the child closed nothing of ours"
    assert postgresql.row(row.id)["state"] == "PENDING"


def test_the_standing_connection_refuses_without_showing_parameters(postgresql: Store) -> None:
    with pytest.raises(DBAPIError) as refused:
        Submissions(postgresql.database).record([new_task(parameters=b'{"secret": "\\u0000"}')])
    assert "secret" not in str(refused.value).splitlines()[0]
    assert Submissions(postgresql.database).record([new_task()]), "it can be used again"
