"""What histograms of durations tell is no further off than they say."""

import math

from hypothesis import given
from hypothesis import strategies as st

from task_system.model.histogram import ERROR, Histogram, bucket_of, merged, percentiles

DURATIONS = st.lists(st.floats(1.0, 1e12), min_size=1, max_size=200)


def _of(durations: list[float]) -> Histogram:
    return Histogram(map(bucket_of, durations))


@given(DURATIONS)
def test_percentiles_are_no_further_off_than_the_error(durations: list[float]) -> None:
    assert ERROR < 0.05
    shares = [0.5, 0.95, 0.99, 1.0]
    for share, found in zip(shares, percentiles(_of(durations), shares), strict=True):
        true = sorted(durations)[math.ceil(share * len(durations)) - 1]
        assert found is not None
        assert abs(found - true) <= ERROR * true + 0.001


@given(DURATIONS, DURATIONS)
def test_merged_histograms_are_that_of_all(some: list[float], others: list[float]) -> None:
    assert merged([_of(some), _of(others)]) == _of(some + others)


def test_nothing_has_no_percentiles_and_less_than_a_millisecond_is_half_of_one() -> None:
    assert percentiles({}, [0.5, 0.99]) == [None, None]
    assert percentiles(_of([0.0, 0.2, 0.999]), [0.5, 1.0]) == [0.5, 0.5]
