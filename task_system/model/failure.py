"""Which failures are the same: those of one task type with the same error, but for what changes from task to task."""

import hashlib
import re

#: Of a message: what is read, and what is left of it.
READ, KEPT = 2000, 300

#: What changes, and what stands for it, in this order.
_FOLDED = (
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<id>"),
    # An apostrophe inside a word is no quote.
    (re.compile(r"(?<!\w)'[^'\n]*'(?!\w)|(?<!\w)\"[^\"\n]*\"(?!\w)|(?<!\w)`[^`\n]*`(?!\w)"), "<value>"),
    (re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s<>]+"), "<url>"),
    (re.compile(r"(?<![\w/<])(?:[A-Za-z]:\\|\.{0,2}/)[^\s:,;()<>]+"), "<path>"),
    (re.compile(r"\b[0-9a-fA-F]{8,}\b"), "<n>"),
    # Numbers, with what they are written together with: 12, 1.5, 10:30:00, 5s, v2, 0x1f, order17.
    (re.compile(r"\b\w*\d\w*(?:[.:,]\w*\d\w*)*"), "<n>"),
    (re.compile(r"\s+"), " "),
)


def normalised(message: str | None) -> str:
    """The message with numbers, ids, quoted values, URLs and paths folded."""
    text = (message or "")[:READ]
    for changing, stand_in in _FOLDED:
        text = changing.sub(stand_in, text)
    return text.strip()[:KEPT]


def fingerprint(task_type: str, error_type: str | None, message: str | None) -> str:
    """The same for failures that are the same: 16 hexadecimal digits."""
    parts = "\0".join((task_type, error_type or "", normalised(message)))
    return hashlib.sha256(parts.encode("utf-8", "replace")).hexdigest()[:16]
