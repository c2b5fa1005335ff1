"""Where a page ends, as callers carry it to the next one."""

import base64
import binascii
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from flask import request
from pydantic import BeforeValidator, WithJsonSchema

#: What is said of a cursor that is none.
UNKNOWN_CURSOR = "is none that this service gave out; take the page's `next` link as it is"


def _id_of(text: str) -> UUID:
    try:
        return UUID(bytes=base64.b64decode(text + "==", altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise ValueError(UNKNOWN_CURSOR) from None


#: The id that the page before ended with.
Cursor = Annotated[
    UUID | None,
    BeforeValidator(_id_of),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^[A-Za-z0-9_-]{21}[AQgw]$",
            "description": "Where the page begins; from the `next` of the one before.",
        }
    ),
]


def next_page(last: UUID) -> str:
    """The address of the page that follows what ends with this id."""
    return page_from(base64.urlsafe_b64encode(last.bytes).decode().rstrip("="))


def page_from(cursor: str) -> str:
    """The address of this page with another cursor."""
    given = [(name, value) for name, value in request.args.items(multi=True) if name != "cursor"]
    return f"{request.path}?{urlencode([*given, ('cursor', cursor)])}"
