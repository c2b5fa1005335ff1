"""What callers are told of what does not fit."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError, field_validator

from task_system.api.schedules import ScheduleBody
from task_system.api.tasks import SubmitTask
from task_system.dispatch.findings import errors_of
from task_system.dispatch.submit import validated
from task_system.model.errors import TaskTypeBroken
from task_system.registry import Context, Registry, task_type
from task_system.task_types.data_processing.models import DataParameters
from task_system.task_types.http_request.models import HttpParameters
from task_system.task_types.image_processing.models import ImageParameters

TASK = {"task_type": "echo"}
#: What is sent, and all that is said of it.
SAID: list[tuple[type[BaseModel], Any, dict[str, str]]] = [
    (SubmitTask, [], {"body": "must be an object"}),
    (SubmitTask, {}, {"task_type": "is missing"}),
    (SubmitTask, TASK | {"prioritty": 1}, {"prioritty": "is unknown here: leave it out"}),
    (SubmitTask, TASK | {"priority": "HIGH"}, {"priority": "must be 'high', 'normal' or 'low'"}),
    (SubmitTask, TASK | {"delay": "soon"}, {"delay": "must be a number"}),
    (SubmitTask, TASK | {"delay": -1}, {"delay": "must be greater than or equal to 0"}),
    (SubmitTask, TASK | {"tags": "a"}, {"tags": "must be a list"}),
    (SubmitTask, TASK | {"tags": ["a b"]}, {"tags.0": "must be one word, of at most 64 characters"}),
    (
        SubmitTask,
        TASK | {"run_at": "2030-01-01T00:00:00"},
        {"run_at": "must be written in ISO 8601 with its zone, such as 2026-01-31T08:00:00Z"},
    ),
    (
        SubmitTask,
        TASK | {"unique_by": ["user"]},
        {"unique_by.0": "must be task_type, priority, tags, parameters, or a path such as parameters.user.id"},
    ),
    (SubmitTask, TASK | {"unique_by": []}, {"unique_by": "must have at least 1 item, not 0"}),
    (
        ScheduleBody,
        TASK | {"name": "every night", "cron": "@daily"},
        {"name": "must be 1 to 128 letters, digits or _.:- and begin with a letter or a digit"},
    ),
    (
        DataParameters,
        {"data": "x", "filter": [{"column": "a", "is": "eq", "value": {}}]},
        {"filter.0.value": "must be text; or must be a whole number; or must be a number; or must be true or false"},
    ),
    (
        DataParameters,
        {"data": {"not": "data"}},
        {"data": "send a text, a list of numbers or a list of records"},
    ),
    (
        HttpParameters,
        {"url": "https://a.example", "headers": {"A": 5, "B": {"secret": ""}}},
        {
            "headers.A": "must be text; or must be an object",
            "headers.B": "must be text",
            "headers.B.secret": "must match pattern '^[A-Za-z_][A-Za-z0-9_]{0,63}$'",
        },
    ),
    (
        ImageParameters,
        {"images": [{"filename": "a.png"}], "operations": [{"operation": "crop", "width": 1}, {"operation": "a"}, {}]},
        {
            "operations.0.height": "is missing",
            "operations.1.operation": "must be one of 'resize', 'thumbnail', 'rotate_by_exif', 'crop', 'convert',"
            " 'watermark', 'strip_metadata'",
            "operations.2.operation": "is missing",
        },
    ),
]


@pytest.mark.parametrize(("model", "sent", "said"), SAID)
def test_what_does_not_fit_is_told_in_words_of_json(model: type[BaseModel], sent: Any, said: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(sent)
    assert {error["path"]: error["message"] for error in errors_of(refused.value, sent)} == said


@pytest.mark.parametrize(
    ("model", "sent", "said"),
    [
        (SubmitTask, TASK | {"prioritty": 1}, "is unknown here: did you mean priority?"),
        (SubmitTask, TASK | {"tag": ["a"]}, "is unknown here: did you mean tags?"),
        (SubmitTask, TASK | {"colour": 1}, "is unknown here: leave it out"),
        (DataParameters, {"data": "x", "formats": "csv"}, "is unknown here: did you mean format?"),
    ],
)
def test_a_name_that_is_nearly_one_is_told_which(model: type[BaseModel], sent: Any, said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(sent)
    assert [error["message"] for error in errors_of(refused.value, sent, model=model)] == [said]


def test_of_many_that_are_unknown_none_is_looked_for() -> None:
    sent = TASK | {f"prioritty{number}": 1 for number in range(100)}
    with pytest.raises(ValidationError) as refused:
        SubmitTask.model_validate(sent)
    assert {error["message"] for error in errors_of(refused.value, sent, model=SubmitTask)} == {
        "is unknown here: leave it out"
    }


def test_a_check_that_breaks_is_told_from_parameters_that_are_wrong() -> None:
    class Picky(BaseModel):
        n: int

        @field_validator("n")
        @classmethod
        def _check(cls, value: int) -> int:
            return 1 // value

    def picky(ctx: Context, parameters) -> None: ...  # type: ignore[no-untyped-def]

    picky.__annotations__["parameters"] = Picky
    registry = Registry()
    task_type("picky", registry=registry, example={"n": 1})(picky)
    with pytest.raises(TaskTypeBroken, match="The checks of 'picky' broke: ZeroDivisionError"):
        validated(registry.get("picky"), {"n": 0})
