"""Moments as callers write them."""

NO_MOMENT = "must be written in ISO 8601 with its zone, such as 2026-01-31T08:00:00Z"


def written(value: object) -> object:
    """The value, unless it is a number, which a reader of dates would take for seconds. Raises ValueError."""
    number = isinstance(value, int | float) or (isinstance(value, str) and "-" not in value[1:])
    if number:
        raise ValueError(NO_MOMENT)
    return value
