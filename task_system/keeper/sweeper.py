"""The sweeper: removes files past their time, those of attempts that came to nothing, blobs that no row speaks of, and
what task types keep beside a task that is gone.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import monotonic, time
from uuid import UUID

from task_system.dispatch.filing import Filing
from task_system.files.blobs import LEFT_AFTER_S
from task_system.keeper.leader import Leadership
from task_system.model.events import Events
from task_system.store.reading import Reading

#: Files of one transaction.
BATCH = 1000
#: How often all files that tasks made are looked at, and how often all blobs, in seconds.
DISCARDED_EVERY_S, ORPHANS_EVERY_S = 600.0, 3600.0
#: An upload records its blob within seconds; one that is this old without a row has none coming, in seconds.
ORPHAN_AFTER_S = 3600.0


class Sweeper:
    """notes: a folder of files that are named by their tasks' ids, and go when these do."""

    name = "sweeper"
    every_s = 60.0

    def __init__(
        self, *, filing: Filing, reading: Reading, notes: Path, leadership: Leadership, events: Events
    ) -> None:
        self._filing = filing
        self._reading = reading
        self._notes = notes
        self._leadership = leadership
        self._events = events
        self._after: tuple[UUID, UUID] | None = None
        self._blobs: Iterator[UUID] = iter(())
        self._discarded_at = self._orphans_at = 0.0

    def run_once(self) -> bool:
        if not self._leadership.held():
            return False
        expired = self._filing.files.expire(BATCH)
        discarded, more = self._discarded()
        orphans = self._orphans()
        removed = [*expired, *discarded, *orphans]
        self._filing.drop(removed)
        if removed:
            self._events.emit("keeper.swept", count=len(removed))
        return more or len(expired) >= BATCH or len(orphans) >= BATCH

    def _discarded(self) -> tuple[list[UUID], bool]:
        """A part of what tasks made in vain; and whether there is more to look at."""
        if self._after is None and monotonic() < self._discarded_at:
            return [], False
        found, self._after = self._filing.files.discarded(BATCH, self._after)
        self._discarded_at = monotonic() + DISCARDED_EVERY_S
        return found, self._after is not None

    def _orphans(self) -> list[UUID]:
        """Some blobs that no row speaks of."""
        if monotonic() >= self._orphans_at:
            self._orphans_at = monotonic() + ORPHANS_EVERY_S
            self._filing.blobs.clear_scratch(LEFT_AFTER_S)
            self._forget_notes()
            self._blobs = self._filing.blobs.older_than(ORPHAN_AFTER_S)
        found: list[UUID] = []
        while len(found) < BATCH and (some := list(islice(self._blobs, BATCH))):
            found += self._filing.files.unknown(some)
        return found

    def _forget_notes(self) -> None:
        by_task: dict[UUID, Path] = {}
        for path in self._notes.glob("*.ndjson"):
            try:
                if path.stat().st_mtime < time() - LEFT_AFTER_S:
                    by_task[UUID(path.stem)] = path
            except (ValueError, OSError):
                continue  # nobody's note, or gone
        ids = iter(by_task)
        while some := list(islice(ids, BATCH)):
            for task_id in self._reading.gone(some):
                by_task[task_id].unlink(missing_ok=True)
