"""UUIDv7: in order, of their time, and boundaries that cut exactly between milliseconds."""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_system.model.ids import first_id_at, made_at, new_id

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=365 * 500)).map(lambda age: EPOCH + age)
MILLISECOND = timedelta(milliseconds=1)


def test_ids_are_version_7() -> None:
    made = new_id()
    assert (made.version, made.variant) == (7, "specified in RFC 4122")


def test_ids_of_one_process_only_grow() -> None:
    made = [new_id() for _ in range(20_000)]
    assert all(a < b for a, b in itertools.pairwise(made))
    assert sorted(map(str, made)) == list(map(str, made))


def test_ids_of_many_threads_differ_and_grow_in_each() -> None:
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda _: [new_id() for _ in range(2000)], range(4)))
    assert len({id_ for part in parts for id_ in part}) == 8000
    assert all(a < b for part in parts for a, b in itertools.pairwise(part))


def test_an_id_tells_when_it_was_made() -> None:
    before = datetime.now(UTC)
    made = made_at(new_id())
    assert before - MILLISECOND <= made <= datetime.now(UTC) + MILLISECOND


def test_a_clock_that_is_set_back_makes_no_smaller_id(monkeypatch: pytest.MonkeyPatch) -> None:
    first = new_id()
    hour_ago = time.time_ns() - 3_600 * 10**9
    with monkeypatch.context() as patched:
        patched.setattr(time, "time_ns", lambda: hour_ago)
        second, third = new_id(), new_id()
    assert first < second < third
    assert made_at(third) - made_at(first) < timedelta(seconds=1)


@given(MOMENTS)
def test_a_boundary_is_the_first_id_of_its_millisecond(moment: datetime) -> None:
    whole = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    boundary = first_id_at(moment)
    assert boundary.version == 7
    assert made_at(boundary) == whole
    assert first_id_at(whole) == boundary
    assert first_id_at(whole + MILLISECOND) > boundary
    if whole > EPOCH:
        assert first_id_at(whole - MILLISECOND) < boundary


@given(MOMENTS, MOMENTS)
def test_boundaries_sort_as_their_moments(a: datetime, b: datetime) -> None:
    assert (first_id_at(a) < first_id_at(b)) <= (a < b)


def test_a_new_id_lies_between_the_boundaries_around_it() -> None:
    before = datetime.now(UTC)
    made = new_id()
    assert first_id_at(before) <= made < first_id_at(datetime.now(UTC) + timedelta(seconds=1))
