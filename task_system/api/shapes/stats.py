"""Statistics and the ledger."""

from datetime import datetime
from typing import Literal

from typing_extensions import TypedDict

from task_system.api.shapes.common import DOCUMENTED
from task_system.model.states import State


class Percentiles(TypedDict):
    """In milliseconds, at most 5 % off; null where nothing was measured."""

    p50: float | None
    p95: float | None
    p99: float | None


class Counts(TypedDict):
    """Events in a span of time."""

    accepted: int
    succeeded: int
    failed: int
    cancelled: int
    expired: int
    retried: int
    removed: int


class Step(Counts):
    """One step of the series."""

    at: datetime
    wait_p95_ms: float | None
    run_p95_ms: float | None


class Part(Counts):
    """Of one task type, queue or lane."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    wait_ms: Percentiles
    run_ms: Percentiles
    waiting: int
    """Due and not started."""
    running: int
    oldest_waiting_s: float | None


class OfType(Part):
    """Of one task type."""

    task_type: str


class OfQueue(Part):
    """Of one queue."""

    queue: str


class OfLane(Part):
    """Of one lane."""

    lane: str


class LiveNow(TypedDict):
    """What is live now."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    pending: int
    scheduled: int
    running: int
    retry: int
    oldest_waiting_s: float | None
    counted_to: int
    """A count of so many means that many or more."""
    as_of: datetime


class Rates(TypedDict):
    """Tasks per minute."""

    accepted: float
    finished: float


# A member is called `from`, which a class cannot say.
Stats = TypedDict(
    "Stats",
    {
        "window": Literal["15m", "1h", "24h", "7d"],
        "from": datetime,
        "to": datetime,
        "step_s": int,
        "as_of": datetime | None,
        "now": LiveNow,
        "totals": Counts,
        "rate_per_min": Rates,
        "success_rate": float | None,
        "wait_ms": Percentiles,
        "run_ms": Percentiles,
        "series": list[Step],
        "by_type": list[OfType],
        "by_queue": list[OfQueue],
        "by_lane": list[OfLane],
        "by_state": dict[State, int],
    },
)


class LedgerMinute(TypedDict):
    """What became of the tasks that were accepted in a minute."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    at: datetime
    accepted: int
    succeeded: int
    failed: int
    cancelled: int
    expired: int
    removed: int
    """Past their retention, or deleted."""
    live: int
    discrepancy: int
    """Accepted, and nothing is known of them."""


class Discrepancy(TypedDict):
    """What does not add up."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    at: datetime
    what: str
    by: int
    """More in the ledger than among the rows."""


class Ledger(TypedDict):
    """accepted = succeeded + failed + cancelled + expired + live + removed."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    balanced: bool
    accepted: int
    succeeded: int
    failed: int
    cancelled: int
    expired: int
    removed: int
    live: int
    as_of: datetime
    since: datetime | None
    """Minutes before that one are not in the ledger; null: it is not begun."""
    compared_from: datetime | None
    """The rows of this minute and later were counted."""
    minutes: list[LedgerMinute]
    discrepancies: list[Discrepancy]
