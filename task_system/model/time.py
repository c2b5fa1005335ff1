"""Moments and spans, as callers see them."""

import re
from datetime import UTC, datetime

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d|w)", re.ASCII)
#: How a span is written.
SPAN_EXPECTED = "a span such as 30s, 5m, 2h, 7d"


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with a Z, to the microsecond."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z" if moment else None


def in_words(moment: datetime) -> str:
    """For a sentence: to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def span(seconds: float | None) -> str:
    """A time in the unit that suits it."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for size, unit in ((86_400 * 2, 86_400), (3600 * 2, 3600), (120, 60)):
        if seconds >= size:
            return f"{seconds / unit:.0f} {({86_400: 'd', 3600: 'h', 60: 'min'})[unit]}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def seconds_of(written: str) -> float | None:
    """The seconds of a span as callers write it, such as 90s or 1.5h; None for what is none."""
    found = _SPAN.fullmatch(written)
    return float(found[1]) * _UNITS_S[found[2]] if found else None
