"""When a schedule's ticks are: cron or interval, in a time zone, with an end; and which ticks are made up for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from task_system.model.backoff import LONGEST_DELAY_S
from task_system.model.routing import Priority

#: A tick that no keeper has seen for so long was missed, and is the catch-up policy's; a younger one is just late.
LATE_S = 60.0
#: What may be said in numbers: from, to.
RANGES = {
    # Ticks nearer to each other, or further apart than any delay, are of no use.
    "every_s": (1.0, LONGEST_DELAY_S),
    "jitter_s": (0.0, 86_400.0),
    # All of them are submitted in one transaction.
    "catch_up_max": (1, 1000),
    "pause_after_failures": (1, 20),
}

_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FIELDS = "write minute, hour, day of month, month, day of week (before them a second, if you like), or @daily"


class Overlap(StrEnum):
    """What a tick does while a task of an earlier one is not over."""

    ALLOW = "allow"
    SKIP = "skip"
    CANCEL_OTHER = "cancel_other"


class CatchUp(StrEnum):
    """What is made up for when ticks were missed because no keeper ran."""

    NONE = "none"
    LAST = "last"
    ALL = "all"


class TickOutcome(StrEnum):
    """What became of a tick."""

    SUBMITTED = "submitted"
    SKIPPED = "skipped"
    MISSED = "missed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The moments of a schedule: those of a cron expression, or every so many seconds from `anchor` on.

    Checked by `check_cron` and `check_timezone` before it is made. No tick is before `starts_at` or after `ends_at`.
    """

    anchor: datetime
    cron: str | None = None
    every_s: float | None = None
    timezone: str = "UTC"
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def next_after(self, moment: datetime) -> datetime | None:
        """The first tick later than that, in UTC; None when there is none."""
        if self.starts_at and moment < self.starts_at:
            moment = self.starts_at - timedelta(microseconds=1)
        if self.every_s is not None:
            tick: datetime | None = self._next_of_interval(moment, timedelta(seconds=self.every_s))
        else:
            assert self.cron
            tick = _next_of_cron(self.cron, ZoneInfo(self.timezone), moment)
        return None if tick is None or (self.ends_at and tick > self.ends_at) else tick

    def _next_of_interval(self, moment: datetime, every: timedelta) -> datetime:
        # With a start that is the first tick, without one the first comes after a whole interval.
        anchor = self.starts_at or self.anchor
        first = 0 if self.starts_at else 1
        return anchor + max(first, (moment - anchor) // every + 1) * every

    def upcoming(self, moment: datetime, count: int) -> list[datetime]:
        """The next so many ticks after that moment."""
        ticks = []
        for tick in self.between(moment, datetime.max.replace(tzinfo=UTC)):
            ticks.append(tick)
            if len(ticks) == count:
                break
        return ticks

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The ticks later than `after`, and not later than `until`."""
        tick = self.next_after(after)
        while tick and tick <= until:
            yield tick
            tick = self.next_after(tick)

    def newest(self, after: datetime, until: datetime, count: int) -> list[datetime]:
        """The last so many of the ticks between, oldest first, found without going through all of them."""
        window = timedelta(seconds=LATE_S)
        while until - after > window:
            ticks = list(self.between(until - window, until))
            if len(ticks) >= count:
                return ticks[-count:]
            window *= 2
        return list(self.between(after, until))[-count:]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSpec:
    """What its owner says of a schedule. Either `cron` or `every_s` is there."""

    name: str
    task_type: str
    parameters: dict[str, Any] = field(default_factory=dict)
    priority: Priority = Priority.NORMAL
    cron: str | None = None
    #: Seconds.
    every_s: float | None = None
    timezone: str = "UTC"
    #: Each task waits a random time of up to so many seconds after its tick.
    jitter_s: float = 0.0
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    overlap: Overlap = Overlap.ALLOW
    catch_up: CatchUp = CatchUp.NONE
    #: How many missed ticks `CatchUp.ALL` makes up for.
    catch_up_max: int = 100
    #: After so many failed tasks in a row it is paused.
    pause_after_failures: int | None = None

    def timing(self, anchor: datetime) -> Timing:
        """Its ticks; those of an interval are counted from `anchor`."""
        return Timing(
            anchor=anchor,
            cron=self.cron,
            every_s=self.every_s,
            timezone=self.timezone,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
        )


def findings(spec: ScheduleSpec, now: datetime) -> list[dict[str, str]]:
    """What is wrong with it, as `{path, message}`; nothing when it can be kept. Its task is not looked at."""
    found: dict[str, str] = {}
    if (spec.cron is None) == (spec.every_s is None):
        found["cron"] = "send either cron or every_s"
    for path, check, value in (("cron", check_cron, spec.cron), ("timezone", check_timezone, spec.timezone)):
        try:
            if value is not None:
                check(value)
        except ValueError as error:
            found[path] = str(error)
    for path, (least, most) in RANGES.items():
        number = getattr(spec, path)
        if number is not None and not least <= number <= most:
            found[path] = f"must be from {least:g} to {most:,.10g}"
    if not found and spec.timing(now).next_after(now) is None:
        found["ends_at"] = "there is no tick between now and then"
    return [{"path": path, "message": message} for path, message in found.items()]


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done about a schedule whose tick has come."""

    #: Those that submit, oldest first.
    ticks: list[datetime]
    #: The newest of those that are passed over, if any.
    missed: datetime | None
    next_fire_at: datetime | None


def due(timing: Timing, next_fire_at: datetime, now: datetime, catch_up: CatchUp, catch_up_max: int) -> Due:
    """What is to be done at `now`, when the first tick not dealt with was to fire at `next_fire_at`."""
    before, late = next_fire_at - timedelta(microseconds=1), now - timedelta(seconds=LATE_S)
    fresh = list(timing.between(max(before, late), now))
    limit = {CatchUp.NONE: 0, CatchUp.LAST: 0 if fresh else 1, CatchUp.ALL: catch_up_max}[catch_up]
    # One more than is made up for: the newest of those that are not.
    old = timing.newest(before, late, limit + 1) if before < late else []
    made_up = old[-limit:] if limit else []
    missed = old[: len(old) - len(made_up)]
    return Due([*made_up, *fresh], missed[-1] if missed else None, timing.next_after(now))


def check_cron(cron: str) -> str:
    """The expression, if it is one and has a tick. Raises ValueError with the reason."""
    if cron.startswith("@") and cron.lower() not in _MACROS:
        raise ValueError(f"{cron!r} is none of {', '.join(_MACROS)}")
    try:
        found = next(CronSim(_expanded(cron), datetime(2024, 1, 1, tzinfo=UTC)), None)
    except CronSimError as error:
        raise ValueError(f"{error}; {_FIELDS}") from None
    except (AssertionError, TypeError, ValueError):
        raise ValueError(f"not understood; {_FIELDS}") from None
    if found is None:
        raise ValueError("there is no such day")
    return cron


def check_timezone(name: str) -> str:
    """The name, if there is a time zone of that name. Raises ValueError."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError(f"no time zone is named {name!r}; names are like Europe/Berlin, or UTC") from None
    return name


def _expanded(cron: str) -> str:
    """With six fields."""
    fields = _MACROS.get(cron.lower(), cron).split()
    return " ".join(["0", *fields] if len(fields) == 5 else fields)


def _next_of_cron(cron: str, zone: ZoneInfo, moment: datetime) -> datetime | None:
    expression = _expanded(cron)
    _, minutes, hours, *_ = expression.split()
    if minutes.startswith("*") or hours.startswith("*"):
        # Every so often: real time counts, so an hour that the clocks repeat has its ticks twice.
        tick = next(CronSim(expression, moment.astimezone(zone)), None)
        return tick and tick.astimezone(UTC)
    # At a time of day: once a day, whatever the clocks do; what they leave out fires when they go on.
    for by_the_clock in CronSim(expression, moment.astimezone(zone).replace(tzinfo=None)):
        tick = _as_real(by_the_clock, zone)
        if tick > moment:
            return tick
    return None


def _as_real(by_the_clock: datetime, zone: ZoneInfo) -> datetime:
    """The moment, in UTC; for one that the clocks leave out, that at which they go on."""
    real = by_the_clock.replace(tzinfo=zone).astimezone(UTC)
    while real.astimezone(zone).replace(tzinfo=None) != by_the_clock:
        by_the_clock = by_the_clock.replace(second=0) + timedelta(minutes=1)
        real = by_the_clock.replace(tzinfo=zone).astimezone(UTC)
    return real
