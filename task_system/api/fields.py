"""Fields that several requests have in common."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, WithJsonSchema

from task_system.model.backoff import LONGEST_DELAY_S
from task_system.model.moments import written
from task_system.model.text import NUL_IN_JSON, STORABLE

#: As JSON, in bytes.
LARGEST_METADATA = 8192


def fits(pattern: str, says: str) -> Callable[[str], str]:
    """Takes what the pattern fits; of anything else it says how to write it, which a pattern tells nobody."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(says)
        return text

    return check


def _once(tags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tags))


def _storable(metadata: dict[str, Any]) -> dict[str, Any]:
    encoded = orjson.dumps(metadata)
    if len(encoded) > LARGEST_METADATA:
        raise ValueError(f"must be at most {LARGEST_METADATA} bytes of JSON")
    if NUL_IN_JSON.search(encoded):
        raise ValueError("text must not contain the character U+0000")
    return metadata


def within_reach(run_at: datetime | None) -> datetime | None:
    """The moment in UTC. Raises ValueError for one that is no moment or too far."""
    try:
        moment = run_at and run_at.astimezone(UTC)
    except OverflowError:
        raise ValueError("no calendar has this moment") from None
    if moment and moment > datetime.now(UTC) + timedelta(seconds=LONGEST_DELAY_S):
        raise ValueError("must be within ten years from now")
    return moment


#: A moment with its zone.
Moment = Annotated[AwareDatetime, BeforeValidator(written)]
#: Seconds, as a number and not as text.
Seconds = Annotated[float, Field(strict=True, allow_inf_nan=False)]

_TAG = r"[^\s\x00-\x1f\x7f]{1,64}"
#: A word without white space or control characters.
Tag = Annotated[
    str,
    AfterValidator(fits(_TAG, "must be one word, of at most 64 characters")),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 64, "pattern": f"^{_TAG}$"}),
]
Tags = Annotated[tuple[Tag, ...], Field(max_length=20), AfterValidator(_once)]
Metadata = Annotated[dict[str, Any], AfterValidator(_storable)]

#: Why, for whoever finds it so.
Reason = Annotated[str | None, Field(max_length=1000, pattern=STORABLE, description="Shown to who asks.")]
