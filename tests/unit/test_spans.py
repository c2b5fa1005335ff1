"""Spans as they are written, in searches and on the command line."""

import click
import pytest

from task_system.cli.spans import Span
from task_system.model.time import seconds_of


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("250ms", 0.25), ("90s", 90), ("5m", 300), ("1.5h", 5400), ("2h", 7200), ("1d", 86_400), ("1w", 604_800)],
)
def test_a_unit_says_how_much(written: str, seconds: float) -> None:
    assert (seconds_of(written), Span().convert(written, None, None)) == (seconds, seconds)


@pytest.mark.parametrize("written", ["90", "0.5", "0"])
def test_a_number_alone_is_seconds_where_seconds_were_taken(written: str) -> None:
    assert seconds_of(written) is None
    assert Span().convert(written, None, None) == float(written)


@pytest.mark.parametrize("written", ["", "s", "5min", "5 m", "1h30m", "-5", "-5s", "1e3", "nan", "inf", "soon", "٣s"])
def test_what_is_none_is_told_how_to_write_one(written: str) -> None:
    assert seconds_of(written) is None
    with pytest.raises(click.BadParameter, match="no span: write a span such as 30s, 5m, 2h, 7d, or a number"):
        Span().convert(written, None, None)


def test_one_that_is_too_short_or_too_long_is_told_what_is_not() -> None:
    with pytest.raises(click.BadParameter, match="at least 200 ms"):
        Span(0.2).convert("0.1", None, None)
    with pytest.raises(click.BadParameter, match="at most 3660 d"):
        Span().convert("999999999w", None, None)
