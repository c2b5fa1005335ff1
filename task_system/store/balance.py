"""The ledger, held against the rows: accepted = succeeded + failed + cancelled + expired + live + removed.

One snapshot has the ledger, the events that are not entered in it yet, and the rows. So the two must agree at every
moment, however far the books lag behind. The rows are asked for the newest minutes only; the minutes before are what
the ledger says.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, literal, select, union_all

from task_system.model.ids import first_id_at
from task_system.model.states import LIVE
from task_system.model.tally import ACCOUNTS, ENDS, Tally, floor
from task_system.store.books import place_of
from task_system.store.database import Database
from task_system.store.event_log import batches_after
from task_system.store.tables import ledger, tasks
from task_system.store.types import now_of

#: Minutes whose rows are counted, and about how many rows that may be; one minute is counted in any case.
MOST_COMPARED = 15
MOST_ROWS = 50_000
#: Pages of the event log that may not be entered yet; where there are more, the rows of tasks are not counted.
MOST_PAGES_BEHIND = 20
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """What does not add up in a minute, and by how many tasks."""

    at: datetime
    what: str
    by: int


@dataclass(frozen=True, slots=True)
class Minute:
    """What became of the tasks that were accepted in a minute: ACCOUNTS, and `live`."""

    at: datetime
    counts: dict[str, int]
    #: Tasks that were accepted and of which nothing is known; less than none: of which too much is.
    discrepancy: int = 0


@dataclass(frozen=True, slots=True)
class Balance:
    """The ledger over a window, oldest minute first."""

    minutes: list[Minute]
    discrepancies: list[Discrepancy]
    #: The ledger and the rows are those of this moment.
    as_of: datetime
    #: Minutes before that one are not in the ledger, or not whole; None: it is not begun.
    since: datetime | None = None
    #: The rows of this minute and later were counted.
    compared_from: datetime | None = None
    totals: dict[str, int] = field(default_factory=dict)


class Balances:
    """Reads the ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, window_s: int) -> Balance:
        """The last so many seconds. Raises StoreUnavailable."""
        with self._database.snapshot() as connection:
            now = now_of(connection)
            place = place_of(connection)
            if place is None:
                return Balance([], [], now)
            start = max(floor(now - timedelta(seconds=window_s), 60), floor(place.since, 60)) + _MINUTE
            accounts, entered = _accounts(connection, place.cursor, start)
            compared = _newest(accounts) if entered else []
            rows = _rows(connection, compared) if compared else {}
        return _balance(accounts, rows, now, place.since)


def _accounts(connection: Connection, cursor: str, start: datetime) -> tuple[dict[datetime, Counter[str]], bool]:
    """The ledger with what the log adds to it, and whether that is all that the log adds."""
    accounts: dict[datetime, Counter[str]] = defaultdict(Counter)
    for row in connection.execute(select(ledger).where(ledger.c.minute >= start)).mappings():
        accounts[row["minute"]].update({name: row[name] for name in ACCOUNTS})
    tally = Tally()
    for _ in range(MOST_PAGES_BEHIND):
        log = batches_after(connection, cursor)
        for at, events in log.rows:
            tally.count(at, events)
        if not log.more:
            break
        cursor = log.cursor
    for minute, added in tally.accounts.items():
        if minute >= start:
            accounts[minute].update(added)
    return accounts, not log.more


def _newest(accounts: dict[datetime, Counter[str]]) -> list[datetime]:
    chosen: list[datetime] = []
    rows = 0
    for minute in sorted(accounts, reverse=True)[:MOST_COMPARED]:
        rows += accounts[minute]["accepted"]
        if chosen and rows > MOST_ROWS:
            break
        chosen.append(minute)
    return chosen


def _rows(connection: Connection, minutes: Sequence[datetime]) -> dict[datetime, Counter[str]]:
    """How many rows of each minute are in each state."""
    counted = [
        select(literal(number).label("number"), tasks.c.state, func.count().label("rows"))
        .where(tasks.c.id >= first_id_at(minute), tasks.c.id < first_id_at(minute + _MINUTE))
        .group_by(tasks.c.state)
        for number, minute in enumerate(minutes)
    ]
    found: dict[datetime, Counter[str]] = {minute: Counter() for minute in minutes}
    for number, state, rows in connection.execute(union_all(*counted)):
        found[minutes[number]]["live" if state in LIVE else ENDS[state]] += rows
    return found


def _balance(
    accounts: dict[datetime, Counter[str]], rows: dict[datetime, Counter[str]], as_of: datetime, since: datetime
) -> Balance:
    minutes, discrepancies = [], []
    totals: Counter[str] = Counter()
    for at, counts in sorted(accounts.items()):
        ended = sum(counts[name] for name in ACCOUNTS[1:])
        live = rows[at]["live"] if at in rows else max(0, counts["accepted"] - ended)
        found = _differences(at, counts, rows[at]) if at in rows else []
        missing = counts["accepted"] - ended - live
        if missing:
            found.append(Discrepancy(at, "live", missing))
        shown = {name: counts[name] for name in ACCOUNTS} | {"live": live}
        minutes.append(Minute(at, shown, missing))
        discrepancies += found
        totals.update(shown)
    return Balance(minutes, discrepancies, as_of, since, min(rows, default=None), dict(totals))


def _differences(at: datetime, counts: Counter[str], rows: Counter[str]) -> list[Discrepancy]:
    return [Discrepancy(at, name, counts[name] - rows[name]) for name in ENDS.values() if counts[name] != rows[name]]
