"""How deep JSON may be nested: what is read must be written again, inside what it is a part of, such as a page."""

from typing import Any

import orjson

#: Levels of what is taken in.
DEEPEST = 200
#: orjson writes 254 levels; so many are left for what goes around.
_AROUND = 54
TOO_DEEP = f"is nested more than {DEEPEST} levels deep"


def is_too_deep(encoded: bytes, value: Any = None) -> bool:
    """Whether JSON is nested too deep. value: what it says, for who knows. Where little is nested it costs nothing."""
    if encoded.count(b"{") + encoded.count(b"[") <= DEEPEST:
        return False
    try:
        value = orjson.loads(encoded) if value is None else value
        for _ in range(_AROUND):
            value = [value]
        orjson.dumps(value)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return True
    return False
