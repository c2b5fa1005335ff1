"""A field and its values to one part of the expression: which fields there are, and what each takes."""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import cast, get_args
from uuid import UUID

from task_system.model.routing import PRIORITIES
from task_system.model.search.expression import (
    And,
    AtPath,
    Attempts,
    ErrorSays,
    Expression,
    InState,
    Lasted,
    Operator,
    PathRoot,
    Pattern,
    SpanField,
    TimeField,
    When,
    Word,
    WordField,
)
from task_system.model.search.tokens import SearchError, Token
from task_system.model.states import State
from task_system.model.time import SPAN_EXPECTED, seconds_of

#: Names in a search, and the fields they mean.
WORDS: dict[str, WordField] = {
    "type": "task_type",
    "task_type": "task_type",
    "queue": "queue",
    "lane": "lane",
    "priority": "priority",
    "tag": "tag",
    "worker": "worker",
    "id": "id",
    "batch": "batch_id",
    "batch_id": "batch_id",
    "schedule": "schedule_id",
    "schedule_id": "schedule_id",
    "failure": "failure",
}
TIMES: dict[str, TimeField] = {
    "created": "created_at",
    "run_at": "run_at",
    "started": "started_at",
    "finished": "finished_at",
}
SPANS: dict[str, SpanField] = {"duration": "duration", "waited": "waited"}
FIELDS = ("state", "error", "attempt", *WORDS, *TIMES, *SPANS)

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_PATH_PART = re.compile(r"[\w-]+", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?", re.ASCII)
#: An age times -1 is a moment, so the comparison turns.
_TURNED: dict[Operator, Operator] = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
#: Beyond ten years all moments are the same to us.
_OLDEST_S = 10 * 366 * 86_400.0


def term_of(name: Token, operator: Token | None, values: list[Token], now: datetime) -> Expression:
    """What `name:operator values` says. Raises SearchError."""
    comparison = cast("Operator", operator.text) if operator else "="
    root, *path = name.text.split(".")
    if root in get_args(PathRoot):
        return _at_path(cast("PathRoot", root), tuple(path), name, comparison, values)
    if name.text in TIMES:
        return _when(TIMES[name.text], comparison, _single(values), now)
    if name.text in SPANS:
        return Lasted(SPANS[name.text], comparison, _seconds(_single(values)))
    if name.text == "attempt":
        return Attempts(comparison, _whole(_single(values)))
    if operator and comparison != "=":
        raise SearchError(
            operator.position, "a value: only times, spans, attempts and numbers are compared", comparison
        )
    return _word_term(name, values)


def said(value: Token) -> str:
    """Text to look for, which is in every text when it is empty: then more would be found than anybody means."""
    if not value.text:
        raise SearchError(value.position, "a text between the quotes", '""')
    return value.text


def _word_term(name: Token, values: list[Token]) -> Expression:
    if name.text == "state":
        return _in_state(values)
    if name.text == "error":
        return ErrorSays(tuple(map(said, values)))
    if name.text not in WORDS:
        raise SearchError(name.position, "one of the fields " + ", ".join((*FIELDS, "parameters.…")), name.text)
    field = WORDS[name.text]
    if field == "priority":
        _check(values, tuple(PRIORITIES))
        return Word(field, tuple(Pattern(value.text.lower()) for value in values))
    if field in {"id", "batch_id", "schedule_id"}:
        return Word(field, tuple(Pattern(str(_id(value))) for value in values))
    return Word(field, tuple(map(_pattern, values)))


def _in_state(values: list[Token]) -> InState:
    names = {state.lower(): state for state in State}
    _check(values, (*names, "scheduled"))
    words = [value.text.lower() for value in values]
    return InState(frozenset(names[word] for word in words if word in names), "scheduled" in words)


def _check(values: list[Token], allowed: tuple[str, ...]) -> None:
    for value in values:
        if value.text.lower() not in allowed:
            raise SearchError(value.position, "one of " + ", ".join(allowed), value.text)


def _id(value: Token) -> UUID:
    try:
        return UUID(value.text)
    except ValueError:
        raise SearchError(value.position, "an id", value.text) from None


def _pattern(value: Token) -> Pattern:
    """A star is only one at the end of a word; quoted it is itself."""
    if value.kind == "word" and "*" in value.text:
        head, _, tail = value.text.partition("*")
        if tail:
            raise SearchError(value.position + len(head) + 1, "nothing after the *", tail)
        return Pattern(head, prefix=True)
    return Pattern(value.text)


def _single(values: list[Token]) -> Token:
    if len(values) > 1:
        raise SearchError(values[1].position, "a single value", values[1].text)
    return values[0]


def _when(field: TimeField, comparison: Operator, value: Token, now: datetime) -> Expression:
    operator, moment = _moment(comparison, value, now)
    if operator == "=" and _DAY.fullmatch(value.text):
        return And((When(field, ">=", moment), When(field, "<", moment + timedelta(days=1))))
    return When(field, operator, moment)


def _moment(operator: Operator, value: Token, now: datetime) -> tuple[Operator, datetime]:
    age_s = seconds_of(value.text)
    if age_s is not None and operator == "=":
        raise SearchError(value.position, "a comparison: >2h is longer ago, <2h is since then", value.text)
    if age_s is not None:
        return _TURNED[operator], now - timedelta(seconds=min(age_s, _OLDEST_S))
    expected = "a time such as 2026-01-31 or 2026-01-31T08:00:00Z, or an age such as 2h"
    try:
        moment = datetime.fromisoformat(value.text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise SearchError(value.position, expected, value.text) from None
    if not 1970 <= moment.year < 9999:
        raise SearchError(value.position, "a time since 1970 and before 9999", value.text)
    return operator, moment


def _seconds(value: Token) -> float:
    seconds = seconds_of(value.text)
    if seconds is None:
        raise SearchError(value.position, SPAN_EXPECTED, value.text)
    return seconds


def _whole(value: Token) -> int:
    if not re.fullmatch(r"\d{1,9}", value.text, re.ASCII):
        raise SearchError(value.position, "a whole number", value.text)
    return int(value.text)


def _at_path(root: PathRoot, path: tuple[str, ...], name: Token, operator: Operator, values: list[Token]) -> AtPath:
    if not path or not all(map(_PATH_PART.fullmatch, path)):
        raise SearchError(name.position, f"a path such as {root}.user.id, of letters, digits, _ and -", name.text)
    if operator == "=":
        return AtPath(root, path, operator, tuple(map(_pattern, values)))
    value = _single(values)
    if number_of(value.text) is None:
        raise SearchError(value.position, "a number", value.text)
    return AtPath(root, path, operator, (Pattern(value.text),))


def number_of(text: str) -> int | float | None:
    """The number that a text is, if it is one."""
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text) if "." in text else int(text)
    return number if math.isfinite(number) else None
