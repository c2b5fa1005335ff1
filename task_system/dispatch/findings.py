"""What is wrong with something that was sent, as callers are told."""

from pydantic import ValidationError
from pydantic_core import ErrorDetails

#: Each a `path` and a `message`.
Errors = list[dict[str, str]]


def errors_of(error: ValidationError, *prefix: str) -> Errors:
    """Pydantic's findings as `{path, message}`, with paths as a caller would write them."""
    return [
        {"path": ".".join(map(str, (*prefix, *finding["loc"]))) or "body", "message": _said(finding)}
        for finding in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def _said(finding: ErrorDetails) -> str:
    """What a model says itself stands behind a prefix of Pydantic's."""
    return finding["msg"].removeprefix("Value error, ") if finding["type"] == "value_error" else finding["msg"]
