"""Queries, as models. None is ignored: what an address does not know is refused before its view reads the rest."""

from collections.abc import Iterable
from functools import cache
from typing import TypeVar, get_origin

from flask import Flask, Request, request
from pydantic import AliasChoices, BaseModel, ValidationError

from task_system.api.describing import OPERATIONS
from task_system.dispatch.findings import Errors, errors_of
from task_system.model.errors import InvalidSubmission

UNFIT = "The query does not fit. `errors` says where and why."
#: Names that are refused in one answer; a query has room for thousands.
_TOLD = 20
M = TypeVar("M", bound=BaseModel)


def queried(model: type[M]) -> M:
    """The request's query as that model. Raises InvalidSubmission.

    A parameter may be given several times where the model has a list.
    """
    return _read(model, request.args.to_dict(flat=False))


def refuses_queries(rule: str) -> bool:
    """Whether an address refuses what it does not know: all of the API do, save those that probes ask.

    A probe that adds something so that no cache answers is asking after the service, and is to be told of that alone.
    """
    return rule.startswith("/api/") and not rule.startswith("/api/health/")


def refuse_unknown_queries(app: Flask, sent: Request) -> None:
    """Raise InvalidSubmission for a query with a parameter that the address of the API which is asked does not know."""
    rule = sent.url_rule
    if rule is None or not refuses_queries(rule.rule) or sent.method == "OPTIONS":
        return
    model = OPERATIONS[app.view_functions[rule.endpoint]].query
    spellings, given = _spellings_of(model), sent.args.to_dict(flat=False)
    unknown = given.keys() - {name for names in spellings.values() for name in names}
    if unknown:
        known = {name: values for name, values in given.items() if name not in unknown}
        errors = _unknown_here(sorted(unknown)[:_TOLD], [first for first, *_ in spellings.values()])
        raise InvalidSubmission(UNFIT, errors=errors + (_wrong_with(model, known) if model else []))


def _read(model: type[M], given: dict[str, list[str]]) -> M:
    spellings = _spellings_of(model)
    lists = {name for field in _lists_of(model) for name in (field, *spellings[field])}
    twice = {name for name, values in given.items() if name not in lists and len(values) > 1}
    sent = {name: values if name in lists else values[0] for name, values in given.items() if name not in twice}
    errors = [{"path": name, "message": "stands there more than once"} for name in sorted(twice)]
    try:
        read = model.model_validate(sent)
    except ValidationError as error:
        errors += errors_of(error, sent)
    if errors:
        raise InvalidSubmission(UNFIT, errors=errors)
    return read


def _wrong_with(model: type[BaseModel], given: dict[str, list[str]]) -> Errors:
    try:
        _read(model, given)
    except InvalidSubmission as error:
        return error.errors
    return []


def _unknown_here(names: Iterable[str], known: list[str]) -> Errors:
    here = f"this address knows {', '.join(known)}" if known else "this address takes no query"
    return [{"path": name, "message": f"is unknown here: {here}"} for name in names]


@cache
def _lists_of(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(name for name, field in model.model_fields.items() if get_origin(field.annotation) is list)


@cache
def _spellings_of(model: type[BaseModel] | None) -> dict[str, tuple[str, ...]]:
    """By field, how callers may write it; as it is described first."""
    spellings = {}
    for name, field in model.model_fields.items() if model else ():
        alias = field.validation_alias
        spellings[name] = tuple(map(str, alias.choices)) if isinstance(alias, AliasChoices) else (str(alias or name),)
    return spellings
