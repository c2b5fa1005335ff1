"""What is wrong with something that was sent, as callers are told."""

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from task_system.model.moments import NO_MOMENT
from task_system.model.text import STORABLE, WRITTEN

#: Each a `path` and a `message`.
Errors = list[dict[str, str]]

#: Pydantic speaks of Python's types, and callers write JSON.
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is unknown here: leave it out",
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "must be an object"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type"), "must be a list"),
    "string_type": "must be text",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "must be a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    **dict.fromkeys(("timezone_aware", "datetime_parsing", "datetime_from_date_parsing"), NO_MOMENT),
    **dict.fromkeys(("uuid_type", "uuid_parsing"), "must be an id, as the API gives them out"),
    "union_tag_not_found": "is missing",
}
#: Patterns that nobody needs to read.
_PATTERNS = {
    STORABLE: "must not have the character U+0000 in it",
    WRITTEN: "must not be empty, nor have the character U+0000 in it",
}
#: Looking for names that are alike takes long; who is wrong in more places has not just misspelt one.
_FEW = 20
_MUST = re.compile(r"^(?:Input|String|List|Tuple|Set|Dictionary|Data|Value) should ")


def errors_of(error: ValidationError, sent: Any, *prefix: str, model: type[BaseModel] | None = None) -> Errors:
    """Pydantic's findings as `{path, message}`, with paths as a caller would write them.

    sent: what was validated, as JSON is read. model: the one that it was to be, for names that are nearly one of its.
    """
    found: dict[str, list[str]] = {}
    findings = error.errors(include_url=False, include_input=False)
    names = _names_of(model) if model and len(findings) <= _FEW else ()
    for finding in findings:
        path = ".".join(map(str, (*prefix, *_keys(finding, sent)))) or "body"
        # Of a tuple, Pydantic counts only the items that fit.
        if finding["type"] != "too_short" or not any(inner.startswith(f"{path}.") for inner in found):
            found.setdefault(path, []).append(_misspelt(finding, names) or said_of(finding))
    # Where there is a choice, each is told why it was not taken.
    return [{"path": path, "message": "; or ".join(dict.fromkeys(said))} for path, said in found.items()]


def _misspelt(finding: ErrorDetails, names: Collection[str]) -> str | None:
    if finding["type"] != "extra_forbidden" or len(finding["loc"]) > 1:
        return None
    near = get_close_matches(str(finding["loc"][0]), names, n=1)
    return f"is unknown here: did you mean {near[0]}?" if near else None


def _names_of(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _keys(finding: ErrorDetails, sent: Any) -> Iterator[str | int]:
    """Where it is in what was sent, without the names of the choices there that Pydantic tried."""
    *_, last = (None, *finding["loc"])
    at = sent
    for part in finding["loc"]:
        if part in _keys_of(at):
            at = at[part]
            yield part
        elif part == last and finding["type"] == "missing":
            yield part
    if finding["type"].startswith("union_tag_"):
        yield finding["ctx"]["discriminator"].strip("'")


def _keys_of(value: Any) -> Collection[str | int]:
    if isinstance(value, dict):
        return value
    return range(len(value)) if isinstance(value, list) else ()


def said_of(finding: ErrorDetails) -> str:
    """One finding in our words."""
    if finding["type"] == "value_error":
        return finding["msg"].removeprefix("Value error, ")  # what a model says itself
    if finding["type"] == "union_tag_invalid":
        return f"must be one of {finding['ctx']['expected_tags']}"
    if finding["type"] == "string_pattern_mismatch" and finding["ctx"]["pattern"] in _PATTERNS:
        return _PATTERNS[finding["ctx"]["pattern"]]
    return _WORDS.get(finding["type"]) or _MUST.sub("must ", finding["msg"]).replace(" after validation", "")
