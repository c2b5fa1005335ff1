"""Moments as callers write them."""

import re

NO_MOMENT = "must be written in ISO 8601 with its zone, such as 2026-01-31T08:00:00Z"
#: A + that came in an address as it is.
_LOST_PLUS = re.compile(r".+:\d\d(\.\d+)? \d\d:?\d\d", re.ASCII)


def written(value: object) -> object:
    """The value, unless it is a number, which a reader of dates would take for seconds. Raises ValueError."""
    number = isinstance(value, int | float) or (isinstance(value, str) and "-" not in value[1:])
    if number:
        raise ValueError(NO_MOMENT)
    if isinstance(value, str) and _LOST_PLUS.fullmatch(value):
        raise ValueError(f"{NO_MOMENT}; in an address, a + is written %2B")
    return value
