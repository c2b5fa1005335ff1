"""Spans in options, written as in a search: 30s, 5m, 2h, 1d. A number alone is seconds."""

import click

from task_system.model.backoff import LONGEST_DELAY_S
from task_system.model.time import SPAN_EXPECTED, seconds_of, span


class Span(click.ParamType[float]):
    """Seconds, as they are or in another unit; at least so many, and no more than anything here may take."""

    name = "span"

    def __init__(self, least_s: float = 0.0) -> None:
        self._least_s = least_s

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = seconds_of(value) if isinstance(value, str) else value
        if seconds is None:
            seconds = seconds_of(f"{value}s")
        if seconds is None:
            self.fail(f"{value!r} is no span: write {SPAN_EXPECTED}, or a number of seconds.", param, ctx)
        if seconds < self._least_s:
            self.fail(f"{value!r} is too short: write at least {span(self._least_s)}.", param, ctx)
        if seconds > LONGEST_DELAY_S:
            self.fail(f"{value!r} is too long: write at most {span(LONGEST_DELAY_S)}.", param, ctx)
        return seconds
