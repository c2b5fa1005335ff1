"""Text that every database takes."""

import re

#: U+0000 in JSON, and not a backslash followed by `u0000`: PostgreSQL cannot store that character.
NUL_IN_JSON = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
#: What callers write must fit, where it may be nothing, and where not.
STORABLE, WRITTEN = r"^[^\x00]*$", r"^[^\x00]+$"


def storable(text: str, longest: int) -> str:
    """The text without what cannot be stored; one that is longer is cut in the middle, for its ends tell the most."""
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]}\n… {len(text) - longest} characters left out …\n{text[-half:]}"


def storable_json(encoded: bytes) -> bytes:
    """The JSON without what cannot be stored."""
    return NUL_IN_JSON.sub(rb"\1\\ufffd", encoded)
