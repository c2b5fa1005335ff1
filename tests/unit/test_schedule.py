"""When ticks are: cron, intervals, clocks that change, and what is made up for."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_system.model.schedule import (
    CatchUp,
    ScheduleSpec,
    Timing,
    check_cron,
    check_timezone,
    due,
    findings,
)

ANCHOR = datetime(2024, 1, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def cron(expression: str, timezone: str = "UTC", **more: datetime) -> Timing:
    return Timing(anchor=ANCHOR, cron=expression, timezone=timezone, **more)


def upcoming(timing: Timing, after: str, count: int = 3) -> list[str]:
    return [f"{tick:%Y-%m-%d %H:%M:%S}" for tick in timing.upcoming(at(after), count)]


@pytest.mark.parametrize(
    ("expression", "after", "first", "second"),
    [
        ("*/5 * * * *", "2024-05-01 10:02:00", "2024-05-01 10:05:00", "2024-05-01 10:10:00"),
        ("*/5 * * * *", "2024-05-01 10:05:00", "2024-05-01 10:10:00", "2024-05-01 10:15:00"),
        ("* * * * * *", "2024-05-01 10:02:00.5", "2024-05-01 10:02:01", "2024-05-01 10:02:02"),
        ("30 0 12 * * *", "2024-05-01 10:00:00", "2024-05-01 12:00:30", "2024-05-02 12:00:30"),
        ("@daily", "2024-05-01 10:00:00", "2024-05-02 00:00:00", "2024-05-03 00:00:00"),
        ("@WEEKLY", "2024-05-01 10:00:00", "2024-05-05 00:00:00", "2024-05-12 00:00:00"),
        ("@hourly", "2024-05-01 10:00:00", "2024-05-01 11:00:00", "2024-05-01 12:00:00"),
        ("@yearly", "2024-05-01 10:00:00", "2025-01-01 00:00:00", "2026-01-01 00:00:00"),
        ("0 9 * * mon-fri", "2024-05-03 10:00:00", "2024-05-06 09:00:00", "2024-05-07 09:00:00"),
        ("0 0 L * *", "2024-02-01 00:00:00", "2024-02-29 00:00:00", "2024-03-31 00:00:00"),
        ("0 0 29 2 *", "2024-03-01 00:00:00", "2028-02-29 00:00:00", "2032-02-29 00:00:00"),
    ],
)
def test_cron(expression: str, after: str, first: str, second: str) -> None:
    assert upcoming(cron(expression), after, 2) == [first, second]


@pytest.mark.parametrize("expression", ["30 2 * * *", "0 30 2 * * *"])
def test_a_time_that_the_clocks_leave_out_comes_when_they_go_on(expression: str) -> None:
    # Berlin, 31 March 2024: after 01:59:59 comes 03:00:00, which is 01:00 UTC.
    assert upcoming(cron(expression, "Europe/Berlin"), "2024-03-29 12:00") == [
        "2024-03-30 01:30:00",
        "2024-03-31 01:00:00",
        "2024-04-01 00:30:00",
    ]


@pytest.mark.parametrize("expression", ["30 2 * * *", "0 30 2 * * *"])
def test_a_time_that_the_clocks_repeat_comes_once(expression: str) -> None:
    assert upcoming(cron(expression, "Europe/Berlin"), "2024-10-26 12:00") == [
        "2024-10-27 00:30:00",
        "2024-10-28 01:30:00",
        "2024-10-29 01:30:00",
    ]


def test_what_comes_every_so_often_goes_on_through_a_repeated_hour() -> None:
    assert upcoming(cron("*/30 * * * *", "Europe/Berlin"), "2024-10-26 23:45", 5) == [
        "2024-10-27 00:00:00",
        "2024-10-27 00:30:00",
        "2024-10-27 01:00:00",
        "2024-10-27 01:30:00",
        "2024-10-27 02:00:00",
    ]


@given(
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"]),
    st.integers(0, 59),
    st.integers(0, 23),
    st.integers(0, 19 * 365),
)
def test_a_time_of_day_comes_once_each_day_of_every_zone(zone: str, minute: int, hour: int, day: int) -> None:
    ticks = cron(f"{minute} {hour} * * *", zone).upcoming(at("2011-01-01") + timedelta(days=day), 30)
    days = [tick.astimezone(ZoneInfo(zone)).date() for tick in ticks]
    # Samoa left a whole day out: then the next day begins with it.
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    assert all(gap == 1 or (zone == "Pacific/Apia" and gap in {0, 2}) for gap in gaps)
    assert ticks == sorted(set(ticks))


def test_an_interval_is_counted_from_its_anchor_or_its_start() -> None:
    assert upcoming(Timing(anchor=at("2024-05-01 10:00:07"), every_s=90), "2024-05-01 10:00:07", 2) == [
        "2024-05-01 10:01:37",
        "2024-05-01 10:03:07",
    ]
    started = Timing(anchor=ANCHOR, every_s=90, starts_at=at("2024-05-01 10:00"))
    assert upcoming(started, "2024-04-01 00:00", 2) == ["2024-05-01 10:00:00", "2024-05-01 10:01:30"]
    assert upcoming(started, "2024-05-01 10:00", 1) == ["2024-05-01 10:01:30"]


def test_no_tick_before_the_start_or_after_the_end() -> None:
    timing = cron("0 * * * *", starts_at=at("2024-05-01 10:00"), ends_at=at("2024-05-01 12:00"))
    assert upcoming(timing, "2024-04-01 00:00", 9) == [f"2024-05-01 {hour}:00:00" for hour in (10, 11, 12)]
    assert timing.next_after(at("2024-05-01 12:00")) is None


NOW = at("2024-05-01 12:00:30")
EVERY_MINUTE = cron("* * * * *")


def minutes(ticks: list[datetime]) -> list[str]:
    return [f"{tick:%H:%M}" for tick in ticks]


@pytest.mark.parametrize(
    ("catch_up", "most", "ticks", "missed"),
    [
        (CatchUp.NONE, 100, ["12:00"], "11:59"),
        (CatchUp.LAST, 100, ["12:00"], "11:59"),
        (CatchUp.ALL, 100, [f"11:{minute}" for minute in range(50, 60)] + ["12:00"], None),
        (CatchUp.ALL, 3, ["11:57", "11:58", "11:59", "12:00"], "11:56"),
    ],
)
def test_what_is_made_up_for(catch_up: CatchUp, most: int, ticks: list[str], missed: str | None) -> None:
    plan = due(EVERY_MINUTE, at("2024-05-01 11:50"), NOW, catch_up, most)
    assert minutes(plan.ticks) == ticks
    assert (plan.missed and f"{plan.missed:%H:%M}") == missed
    assert plan.next_fire_at == at("2024-05-01 12:01")


@pytest.mark.parametrize(
    ("catch_up", "ticks"), [(CatchUp.NONE, []), (CatchUp.LAST, ["00:00"]), (CatchUp.ALL, ["00:00"] * 3)]
)
def test_what_is_made_up_for_when_the_last_one_was_missed_too(catch_up: CatchUp, ticks: list[str]) -> None:
    plan = due(cron("@daily"), at("2024-04-29"), NOW, catch_up, 100)
    assert minutes(plan.ticks) == ticks
    assert plan.next_fire_at == at("2024-05-02")


def test_a_late_tick_is_not_a_missed_one() -> None:
    plan = due(cron("* * * * * *"), NOW - timedelta(seconds=20), NOW, CatchUp.NONE, 1)
    assert len(plan.ticks) == 21
    assert plan.missed is None


@given(st.integers(1, 200), st.integers(1, 50_000), st.integers(1, 3000))
def test_the_newest_are_found_without_going_through_all(count: int, seconds: int, every_s: int) -> None:
    timing = Timing(anchor=ANCHOR, every_s=every_s)
    after, until = ANCHOR, ANCHOR + timedelta(seconds=seconds)
    assert timing.newest(after, until, count) == list(timing.between(after, until))[-count:]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "Wrong number of fields"),
        ("* * * *", "Wrong number of fields"),
        ("99 * * * *", "Bad minute"),
        ("* * * foo *", "Bad month"),
        ("0 0 30 2 *", "Bad day-of-month"),
        ("@fortnightly", "is none of @yearly"),
    ],
)
def test_a_bad_expression_is_refused_with_the_reason(expression: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_cron(expression)


@given(st.text(st.sampled_from("0159*/,-#LWMON ²@"), max_size=20))
def test_any_text_is_an_expression_or_a_value_error(text: str) -> None:
    try:
        check_cron(text)
    except ValueError:
        return
    assert cron(text).next_after(ANCHOR)


@pytest.mark.parametrize("name", ["Europe/Berlino", "", "../../etc/passwd", "Europe", "a\0b"])
def test_a_zone_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        check_timezone(name)


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({}, "cron"),
        ({"cron": "* * * * *", "every_s": 5}, "cron"),
        ({"cron": "* * *"}, "cron"),
        ({"every_s": 0.5}, "every_s"),
        ({"every_s": 5, "timezone": "Mars/Base"}, "timezone"),
        ({"every_s": 5, "jitter_s": -1}, "jitter_s"),
        ({"every_s": 5, "catch_up_max": 1001}, "catch_up_max"),
        ({"every_s": 5, "ends_at": ANCHOR - timedelta(days=1)}, "ends_at"),
    ],
)
def test_what_is_wrong_with_a_schedule_is_said_by_field(values: dict[str, object], path: str) -> None:
    spec = ScheduleSpec(name="a", task_type="b", **values)  # type: ignore[arg-type]
    assert [finding["path"] for finding in findings(spec, ANCHOR)] == [path]
