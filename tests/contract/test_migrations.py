"""What migrations make is what the code sees, on both databases, and any number of `migrate`s may run at once."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.exc import DBAPIError

import task_system.store as store_package
from task_system.api.checks import checks
from task_system.model.errors import NotReady, StoreUnavailable
from task_system.store import Database
from task_system.store.migrate import downgrade, upgrade
from task_system.store.schema import REVISION, revision_of
from task_system.store.tables import metadata
from task_system.store.types import TransactionId
from task_system.testing.servers import PostgreSQL
from tests.contract.kit import Store, at_once, end_of

ischema_names["xid8"] = TransactionId  # SQLAlchemy does not know it
#: Partitions are PostgreSQL's alone, and none of the code's business.
PARTITION = re.compile(r"(tasks|attempts|task_logs)_(default|\d{8})")
MINE = set(metadata.tables)
CATALOGUE = [
    """SELECT table_name, column_name, udt_name, character_maximum_length, is_nullable, column_default
         FROM information_schema.columns WHERE table_schema = 'public'""",
    """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
         FROM pg_constraint WHERE connamespace = 'public'::regnamespace""",
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT partrelid::regclass::text, pg_get_partkeydef(partrelid) FROM pg_partitioned_table",
]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database in which `migrate` never ran."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'empty.db'}", durable=False)
        yield database
        database.close()
        return
    server: PostgreSQL = request.getfixturevalue("postgresql_server")
    database = Database(server.create_database("never_migrated"))
    yield database
    database.close()
    server.drop_database("never_migrated")


def tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names())


def described(database: Database) -> dict[str, Any]:
    """All that the database itself says of our tables."""
    queries = CATALOGUE if database.is_postgresql else ["SELECT tbl_name, type, name, sql FROM sqlite_master"]
    found: dict[str, Any] = {}
    with database.read() as connection:
        for query in queries:
            rows = [tuple(row) for row in connection.execute(text(query))]
            found[query] = sorted(
                tuple(" ".join(str(value).split()) for value in row) for row in rows if row[0] in MINE
            )
    return found


def test_migrations_and_tables_are_the_same_to_alembic(store: Store) -> None:
    def ours(name: str | None, kind: str, parents: Any) -> bool:
        table = name if kind == "table" else parents.get("table_name")
        return table is None or not PARTITION.fullmatch(table)

    def of_this_database(item: Any, _name: str | None, _kind: str, _reflected: bool, _other: Any) -> bool:
        condition = getattr(item, "_ddl_if", None)
        return condition is None or condition.dialect == store.database.dialect

    options = {
        "compare_type": True,
        "compare_server_default": True,
        "include_name": ours,
        "include_object": of_this_database,
    }
    with store.database.read() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_migrations_and_tables_are_the_same_to_the_database(empty: Database) -> None:
    upgrade(empty)
    migrated = described(empty)
    with empty.write() as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
    assert described(empty) == migrated
    assert {row[0] for rows in migrated.values() for row in rows} == MINE


def test_the_revision_that_the_code_needs_is_the_newest(store: Store) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(store_package.__file__).parent / "migrations"))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [REVISION]
    assert revision_of(store.database) == REVISION


@pytest.mark.parametrize(("revision", "well"), [("0001", False), (REVISION, True), ("9999", True)])
def test_old_code_is_ready_on_a_newer_schema_and_new_code_not_on_an_older(
    store: Store, revision: str, well: bool
) -> None:
    here: Any = None
    found = checks(database=store.database, inspector=here, results=here, workers=here, lanes=set(), alive_s=1)
    with store.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    try:
        if well:
            assert found["migrations"]() == {"revision": revision}
        else:
            with pytest.raises(NotReady, match="taskq migrate"):
                found["migrations"]()
    finally:
        with store.database.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": REVISION})


def test_up_and_down_and_up_again(empty: Database) -> None:
    assert revision_of(empty) is None
    upgrade(empty)
    assert revision_of(empty) == REVISION
    assert tables(empty) >= MINE
    downgrade(empty, "base")
    assert revision_of(empty) is None
    assert tables(empty) == {"alembic_version"}
    upgrade(empty)
    store = Store(empty)
    lease = store.start()
    assert store.finish(lease, end_of("success"))


def test_migrating_again_changes_nothing_and_loses_nothing(store: Store) -> None:
    row, before = store.submit(), described(store.database)
    upgrade(store.database)
    assert described(store.database) == before
    assert store.reading.task(row.id).id == row.id


def test_several_at_once_take_turns(empty: Database) -> None:
    at_once(4, lambda _: upgrade(empty))
    assert revision_of(empty) == REVISION
    assert Store(empty).submit()


def test_what_fails_halfway_leaves_nothing_behind(empty: Database) -> None:
    with empty.write() as connection:
        connection.execute(text("CREATE TABLE leaders (role text)"))
    with pytest.raises((DBAPIError, StoreUnavailable)):
        upgrade(empty)
    assert tables(empty) == {"leaders"}
    assert revision_of(empty) is None
