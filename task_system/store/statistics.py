"""Rollups over a window of time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from task_system.model.tally import Key, Rollup, floor
from task_system.store.books import place_of, rollup_of
from task_system.store.database import Database
from task_system.store.tables import rollups
from task_system.store.types import now_of


@dataclass(frozen=True, slots=True)
class Span:
    """What is known of the time from one moment to another."""

    start: datetime
    end: datetime
    step_s: int
    #: By step, task type and queue.
    rollups: dict[Key, Rollup]
    #: All that was committed by then is counted; None: nothing is yet.
    as_of: datetime | None


class Statistics:
    """Reads the rollups."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def span(self, window_s: int, step_s: int) -> Span:
        """The last so many seconds, in steps of STEPS. Raises StoreUnavailable."""
        with self._database.read() as connection:
            now = now_of(connection)
            place = place_of(connection)
            start = floor(now - timedelta(seconds=window_s), step_s) + timedelta(seconds=step_s)
            statement = select(rollups).where(rollups.c.step_s == step_s, rollups.c.at >= start)
            found = {
                Key(row["at"], row["task_type"], row["queue"]): rollup_of(row)
                for row in connection.execute(statement).mappings()
            }
        return Span(start, now, step_s, found, place.as_of if place else None)
