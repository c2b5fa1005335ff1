"""GET /api/tasks/<task_id>/log: what its handler logged, attempt by attempt."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from flask import Blueprint, Response
from pydantic import BeforeValidator, Field, WithJsonSchema

from task_system.api.describing import Media, described
from task_system.api.http import Body, answer, task_id_of
from task_system.api.queries import queried
from task_system.api.services import services
from task_system.api.shapes.logs import TaskLog
from task_system.model.errors import TaskNotFound
from task_system.model.time import iso
from task_system.store.task_logs import Line, Position

bp = Blueprint("task_log", __name__, url_prefix="/api/tasks")

#: Lines of a page.
MOST, DEFAULT = 10_000, 1000
_START: Position = (0, 0, -1)


def _position(text: Any) -> Position:
    numbers = str(text).split(".")
    if len(numbers) != 3 or not all(number.isascii() and number.isdigit() and len(number) < 10 for number in numbers):
        raise ValueError("is none that this service gave out; take `next` as it is")
    attempt, part, behind = map(int, numbers)
    return attempt, part, behind - 1


def _cursor(position: Position) -> str:
    attempt, part, index = position
    return f"{attempt}.{part}.{index + 1}"


class ReadLog(Body):
    """Which lines."""

    attempt: Annotated[int | None, Field(ge=1, le=1_000_000, description="Of this attempt alone.")] = None
    after: Annotated[
        Position | None,
        BeforeValidator(_position),
        WithJsonSchema(
            {
                "type": "string",
                "pattern": r"^[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}$",
                "description": "Behind these; from the `next` of the page before.",
            }
        ),
    ] = None
    limit: Annotated[int, Field(ge=1, le=MOST, description="Lines on the page.")] = DEFAULT
    format: Annotated[Literal["json", "text"], Field(description="text: a line each, for people.")] = "json"


@bp.get("/<task_id>/log")
@described(answers={200: (TaskLog, Media("text/plain"))}, query=ReadLog, problems=(TaskNotFound,))
def show(task_id: str) -> Response:
    """What the task's handler logged, oldest first. To follow it, ask again with `after` = `next`."""
    id_, wish = task_id_of(task_id), queried(ReadLog)
    page = services().task_logs.read(id_, after=wish.after or _START, attempt=wish.attempt, limit=wish.limit)
    if wish.format == "text":
        headers = {"X-Content-Type-Options": "nosniff"}
        return Response(_text(page.lines), content_type="text/plain; charset=utf-8", headers=headers)
    return answer(
        {
            "task_id": str(id_),
            "lines": [_view(attempt, line) for attempt, line in page.lines],
            "dropped": page.dropped,
            "next": _cursor(page.end) if page.more or page.live else None,
        }
    )


def _view(attempt: int, line: Line) -> dict[str, Any]:
    at, level, logger, message = line
    return {"at": _at(at), "attempt": attempt, "level": level, "logger": logger, "message": message}


def _at(seconds: float) -> str | None:
    return iso(datetime.fromtimestamp(seconds, UTC))


def _text(lines: list[tuple[int, Line]]) -> str:
    return "".join(
        f"{_at(at)} {level:<8} [{attempt}] {message}  [{logger}]\n" for attempt, (at, level, logger, message) in lines
    )
