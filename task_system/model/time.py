"""Moments and spans, as callers see them."""

from datetime import UTC, datetime


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
