"""Column types and SQL functions that mean the same on PostgreSQL and SQLite."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, DateTime, Dialect, Float, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import literal
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import JSON, TypeDecorator, UserDefinedType

#: Parameters and the like: JSONB on PostgreSQL, text on SQLite. None is NULL, not JSON's null.
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, with time zone in Python; timestamptz on PostgreSQL, sortable UTC text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class TransactionId(UserDefinedType[str]):
    """PostgreSQL's `xid8`: the number of a transaction, which never comes again."""

    cache_ok = True

    def get_col_spec(self, **_options: Any) -> str:
        return "xid8"


class now_plus(FunctionElement[datetime]):  # noqa: N801 - reads as the SQL function that it is
    """The database's time, some seconds ahead (or, negative, ago)."""

    type = UtcDateTime()
    inherit_cache = True
    name = "now_plus"

    def __init__(self, seconds: float | ColumnElement[float] = 0.0) -> None:
        super().__init__(literal(float(seconds), Float()) if isinstance(seconds, int | float) else seconds)


def now_of(connection: Connection) -> datetime:
    """The database's time."""
    now: datetime = connection.execute(select(now_plus(0))).scalar_one()
    return now


@compiles(now_plus, "postgresql")
def _now_plus_postgresql(element: now_plus, compiler: Any, **options: Any) -> str:
    return f"(now() + make_interval(secs => {compiler.process(element.clauses, **options)}))"


@compiles(now_plus, "sqlite")
def _now_plus_sqlite(element: now_plus, compiler: Any, **options: Any) -> str:
    return f"utc_now({compiler.process(element.clauses, **options)})"


#: The name under which `database` gives SQLite its clock; SQLite's own has only milliseconds.
SQLITE_CLOCK = "utc_now"


def sqlite_clock(seconds: float) -> str:
    """What `utc_now(seconds)` answers inside SQLite: UTC, as UtcDateTime stores it."""
    moment = datetime.fromtimestamp(datetime.now(UTC).timestamp() + seconds, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")
