"""What is known of files. Their bytes are elsewhere: a row is written after its blob, and removed before it."""

from collections.abc import Callable, Sequence, Set
from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Uuid,
    and_,
    delete,
    exists,
    insert,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
)

from task_system.model.errors import FileNotFound
from task_system.model.file import Kind, NewFile, StoredFile
from task_system.model.states import State
from task_system.store.database import Database
from task_system.store.tables import files, tasks
from task_system.store.types import now_plus

#: Parameters of one statement are limited.
LOOKED_UP_AT_ONCE = 5_000
_COLUMNS = (
    files.c.id,
    files.c.kind,
    files.c.name,
    files.c.size,
    files.c.sha256,
    files.c.content_type,
    files.c.created_at,
    files.c.expires_at,
    files.c.task_id,
)
#: The attempt that made it is the one that the task's row speaks of.
_OF_ITS_ATTEMPT = and_(tasks.c.id == files.c.task_id, tasks.c.attempt == files.c.attempt)
#: Uploaded, or made by the attempt that succeeded.
_COUNTS = or_(
    files.c.task_id.is_(None),
    exists().where(_OF_ITS_ATTEMPT, tasks.c.state == State.SUCCESS).correlate(files),
)
_IN_TIME = or_(files.c.expires_at.is_(None), files.c.expires_at > now_plus(0))
#: Made by an attempt that neither succeeded nor runs, or of a task that is gone.
_DISCARDED = ~exists().where(_OF_ITS_ATTEMPT, tasks.c.state.in_([State.SUCCESS, State.STARTED])).correlate(files)

#: Which of some files are not there.
Missing = Callable[[Set[UUID]], Set[UUID]]


class Files:
    """Rows of files. All methods raise StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: NewFile) -> StoredFile:
        """Record a file whose blob is there."""
        values = {
            "id": new.id,
            "namespace": new.namespace,
            "kind": new.kind,
            "name": new.name,
            "size": new.size,
            "sha256": new.sha256,
            "content_type": new.content_type,
            "created_at": now_plus(0),
            "expires_at": None if new.keep_s is None else now_plus(new.keep_s),
            "task_id": new.task_id,
            "attempt": new.attempt,
        }
        with self._database.statement() as connection:
            return _stored(connection.execute(insert(files).values(values).returning(*_COLUMNS)).one())

    def get(self, file_id: UUID, *, seen_by: tuple[UUID, int] | None = None) -> StoredFile:
        """One file. Raises FileNotFound, also for what an attempt made that did not succeed.

        seen_by: a task and its attempt, which sees what it made itself.
        """
        counts = _COUNTS
        if seen_by:
            counts = or_(_COUNTS, and_(files.c.task_id == seen_by[0], files.c.attempt == seen_by[1]))
        return self._one(select(*_COLUMNS).where(_is_file(file_id), _IN_TIME, counts), file_id)

    def page(self, limit: int, before: UUID | None) -> list[StoredFile]:
        """Up to `limit` files, newest first; those older than `before`."""
        statement = select(*_COLUMNS).where(_is_file(), _IN_TIME, _COUNTS).order_by(files.c.id.desc()).limit(limit)
        if before is not None:
            statement = statement.where(files.c.id < before)
        with self._database.read() as connection:
            return [_stored(row) for row in connection.execute(statement)]

    def result_of(self, task_id: UUID) -> StoredFile:
        """A task's large result. Raises FileNotFound."""
        return self._one(
            select(*_COLUMNS).where(files.c.task_id == task_id, files.c.kind == Kind.RESULT, _COUNTS), task_id
        )

    def remove(self, file_id: UUID) -> None:
        """Remove a file's row. Raises FileNotFound."""
        with self._database.write() as connection:
            if not connection.execute(delete(files).where(_is_file(file_id), _COUNTS)).rowcount:
                raise FileNotFound(file_id=str(file_id))

    def discard(self, task_id: UUID, attempt: int) -> list[UUID]:
        """Remove what an attempt made; answers which blobs are nobody's now."""
        statement = delete(files).where(files.c.task_id == task_id, files.c.attempt == attempt).returning(files.c.id)
        with self._database.write() as connection:
            return list(connection.scalars(statement))

    def expire(self, limit: int) -> list[UUID]:
        """Remove up to `limit` rows whose time is over; answers which blobs are nobody's now."""
        over = select(files.c.id).where(files.c.expires_at <= now_plus(0)).order_by(files.c.expires_at).limit(limit)
        return self._taken(over)

    def discarded(self, limit: int, after: tuple[UUID, UUID] | None) -> tuple[list[UUID], tuple[UUID, UUID] | None]:
        """Look at up to `limit` files that tasks made, beyond `after`, and remove what came of nothing.

        Answers which blobs are nobody's now, and where to go on, if there is more.
        """
        place = tuple_(files.c.task_id, files.c.id)
        some = select(files.c.task_id, files.c.id).where(files.c.task_id.is_not(None))
        if after is not None:
            some = some.where(place > tuple_(literal(after[0], Uuid()), literal(after[1], Uuid())))
        with self._database.read() as connection:
            looked_at = connection.execute(some.order_by(files.c.task_id, files.c.id).limit(limit)).all()
        if not looked_at:
            return [], None
        found = select(files.c.id).where(files.c.id.in_([row.id for row in looked_at]), _DISCARDED)
        last = looked_at[-1]
        return self._taken(found), (last.task_id, last.id) if len(looked_at) == limit else None

    def missing(self, file_ids: Set[UUID]) -> set[UUID]:
        """Those of these files that are not there for everybody."""
        with self._database.read() as connection:
            return _missing(connection, file_ids)

    def unknown(self, blobs: Sequence[UUID]) -> list[UUID]:
        """Those of these blobs that no row speaks of."""
        with self._database.read() as connection:
            known = set(connection.scalars(select(files.c.id).where(files.c.id.in_(blobs))))
        return [blob for blob in blobs if blob not in known]

    def _taken(self, statement: Select[Any]) -> list[UUID]:
        with self._database.write() as connection:
            ids = list(connection.scalars(statement.with_for_update(skip_locked=True)))
            if ids:
                connection.execute(delete(files).where(files.c.id.in_(ids)))
        return ids

    def _one(self, statement: Select[Any], file_id: UUID) -> StoredFile:
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
        if row is None:
            raise FileNotFound(file_id=str(file_id))
        return _stored(row)


def missing_in(connection: Connection) -> Missing:
    """The same look in a transaction, as who is in one must not wait for a second connection."""
    return partial(_missing, connection)


def made_by(connection: Connection, task_id: UUID, attempt: int) -> list[StoredFile]:
    """What an attempt made, in the order in which it did, its large result among it."""
    statement = select(*_COLUMNS).where(files.c.task_id == task_id, files.c.attempt == attempt).order_by(files.c.id)
    return [_stored(row) for row in connection.execute(statement)]


def _missing(connection: Connection, file_ids: Set[UUID]) -> set[UUID]:
    missing, ids = set(file_ids), iter(file_ids)
    while some := list(islice(ids, LOOKED_UP_AT_ONCE)):
        found = select(files.c.id).where(files.c.id.in_(some), _is_file(), _IN_TIME, _COUNTS)
        missing.difference_update(connection.scalars(found))
    return missing


def _is_file(file_id: UUID | None = None) -> ColumnElement[bool]:
    # A literal: SQLite finds a partial index by the text of its condition.
    is_file = files.c.kind == literal_column("'file'")
    return is_file if file_id is None else and_(files.c.id == file_id, is_file)


def _stored(row: Any) -> StoredFile:
    return StoredFile(**{**row._mapping, "kind": Kind(row.kind)})
