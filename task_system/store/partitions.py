"""Partitions of the task tables on PostgreSQL: one a week, by the time inside the id, so that retention drops tables.

A week's partition is made long before the week begins. Rows outside every partition land in the default one, and move
when their week's is made.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from task_system.model.ids import first_id_at

#: Partitioned tables and the column they are partitioned by.
PARTITIONED = {"tasks": "id", "attempts": "task_id", "task_logs": "task_id"}
#: How far ahead partitions are made.
WEEKS_AHEAD = 4
#: "part" in ASCII: those who change the partitions do so one after the other.
_LOCK = 0x70617274


def week_of(moment: datetime) -> datetime:
    """The Monday, 00:00 UTC, on or before that moment."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def ensure(connection: Connection, now: datetime) -> list[str]:
    """Make this week's partitions and those ahead; returns the names of the new ones.

    Others who want to do the same wait until this transaction ends.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    made = []
    for table, column in PARTITIONED.items():
        existing = set(names(connection, table))
        for week in range(WEEKS_AHEAD + 1):
            start = week_of(now) + timedelta(weeks=week)
            name = f"{table}_{start:%Y%m%d}"
            if name not in existing:
                _make(connection, table, column, name, start)
                made.append(name)
    return made


def names(connection: Connection, table: str) -> list[str]:
    """The weekly partitions of a table, oldest first."""
    answer = connection.execute(
        text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = CAST(:table AS regclass)"),
        {"table": table},
    )
    return sorted(name for name in answer.scalars() if name != f"{table}_default")


def end_of(name: str) -> datetime:
    """When the week of a partition ends."""
    return datetime.strptime(name.rpartition("_")[2], "%Y%m%d").replace(tzinfo=UTC) + timedelta(weeks=1)


def drop(connection: Connection, name: str) -> bool:
    """Drop a partition with all that is in it; answers whether it was there.

    Everybody waits for the locks that it takes, until this transaction ends.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    # A row of the catalogue, since what a connection remembers of tables may be old.
    there = text("SELECT EXISTS (SELECT FROM pg_class WHERE relname = :name AND pg_table_is_visible(oid))")
    found = bool(connection.scalar(there, {"name": name}))
    connection.execute(text(f'DROP TABLE IF EXISTS "{name}"'))
    return found


def _make(connection: Connection, table: str, column: str, name: str, start: datetime) -> None:
    first, beyond = first_id_at(start), first_id_at(start + timedelta(weeks=1))
    within = f"\"{column}\" >= '{first}' AND \"{column}\" < '{beyond}'"
    for statement in (
        f'CREATE TABLE "{name}" (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
        f'WITH moved AS (DELETE FROM {table}_default WHERE {within} RETURNING *) INSERT INTO "{name}" TABLE moved',  # noqa: S608
        f"ALTER TABLE {table} ATTACH PARTITION \"{name}\" FOR VALUES FROM ('{first}') TO ('{beyond}')",
    ):
        connection.execute(text(statement))
