"""Where a page ends, as callers carry it to the next one."""

import base64
import binascii
from urllib.parse import urlencode
from uuid import UUID

from flask import request

#: Its JSON Schema.
CURSOR = {
    "type": "string",
    "pattern": "^[A-Za-z0-9_-]{21}[AQgw]$",
    "description": "Where the page begins; from the `next` of the one before.",
}


def id_of_cursor(text: str) -> UUID:
    """The id that a cursor stands for. Raises ValueError for what is none."""
    try:
        return UUID(bytes=base64.b64decode(text + "==", altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise ValueError("is none that this service gave out; take the page's `next` link as it is") from None


def next_page(last: UUID) -> str:
    """The address of the page that follows what ends with this id."""
    cursor = base64.urlsafe_b64encode(last.bytes).decode().rstrip("=")
    given = [(name, value) for name, value in request.args.items(multi=True) if name != "cursor"]
    return f"{request.path}?{urlencode([*given, ('cursor', cursor)])}"
