"""Waits between attempts: they grow, they are bounded, and they spread."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_system.model.backoff import backoff_s
from task_system.registry import RetryPolicy

SECONDS = st.floats(min_value=0, max_value=1e6, allow_nan=False)


@given(failures=st.integers(1, 10_000), base_s=SECONDS, cap_s=SECONDS, jitter=st.booleans())
def test_a_wait_is_within_its_bounds(failures: int, base_s: float, cap_s: float, jitter: bool) -> None:
    wait_s = backoff_s(failures, base_s=base_s, cap_s=cap_s, jitter=jitter)
    assert 0 <= wait_s <= cap_s
    assert wait_s <= base_s * 2.0 ** min(failures - 1, 100)


@given(failures=st.integers(1, 200), base_s=SECONDS, cap_s=SECONDS)
def test_without_jitter_waits_only_grow_up_to_the_cap(failures: int, base_s: float, cap_s: float) -> None:
    now, then = (backoff_s(n, base_s=base_s, cap_s=cap_s, jitter=False) for n in (failures, failures + 1))
    assert now <= then <= cap_s


def test_without_jitter_waits_double() -> None:
    assert [backoff_s(n, base_s=2, cap_s=30, jitter=False) for n in range(1, 7)] == [2, 4, 8, 16, 30, 30]


def test_jitter_spreads_over_the_whole_window() -> None:
    waits = [backoff_s(4, base_s=1, cap_s=100) for _ in range(2000)]
    assert min(waits) < 1
    assert 7 < max(waits) <= 8
    assert 3.5 < sum(waits) / len(waits) < 4.5


def test_a_policy_is_what_a_type_says_of_it() -> None:
    assert [RetryPolicy(base_s=3, cap_s=10, jitter=False).delay_s(n) for n in (1, 2, 3)] == [3, 6, 10]
    assert all(0 <= RetryPolicy().delay_s(n) <= 600 for n in range(1, 50))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_attempts": 0}, "max_attempts must be at least 1"),
        ({"base_s": -1.0}, "base_s must be from 0 to cap_s"),
        ({"base_s": 10.0, "cap_s": 9.0}, "base_s must be from 0 to cap_s"),
        ({"base_s": float("nan")}, "base_s must be from 0 to cap_s"),
    ],
)
def test_a_policy_that_cannot_work_is_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RetryPolicy(**wrong)  # type: ignore[arg-type]
