"""JSON that is given to a command."""

import json
import math
from typing import Any


def json_of(text: str | bytes) -> Any:
    """What it says, with numbers as they are. Raises ValueError, also for what Python alone calls JSON."""
    try:
        return json.loads(text, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _finite(written: str) -> float:
    number = float(written)
    if not math.isfinite(number):
        raise ValueError(f"{written} is no number of JSON's")
    return number
