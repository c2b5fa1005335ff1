"""JSON as RFC 8259 has it: the standard library reads NaN, too, and makes infinity of a number that is too large."""

import json
import math
from collections.abc import Callable
from typing import Any, NoReturn


def decoder(integer: Callable[[str], Any] = int) -> json.JSONDecoder:
    """A decoder that raises ValueError for those. integer: makes a number of a whole one's digits."""
    return json.JSONDecoder(parse_constant=_refuse_constant, parse_float=finite, parse_int=integer)


def finite(text: str) -> float:
    """The number. Raises ValueError where no float is so large."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:50]} is too large")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
