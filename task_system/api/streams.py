"""/api/events and /api/tasks/<task_id>/events: what happens, as server-sent events, while the caller listens."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from uuid import UUID

from flask import Blueprint, Response, request

from task_system.api.broadcast import Matches, News, frame_of
from task_system.api.describing import Media, described
from task_system.api.event_filters import FollowEvents, Resume
from task_system.api.http import done, task_id_of
from task_system.api.queries import queried
from task_system.api.services import services
from task_system.model.errors import StoreUnavailable, TaskNotFound, TaskSystemError, TooManyStreams
from task_system.model.states import TERMINAL
from task_system.model.task_events import TaskEvent

bp = Blueprint("streams", __name__, url_prefix="/api")

STREAM = "text/event-stream"
#: When a browser comes back after the stream has ended, in milliseconds.
RETRY_MS = 2000
#: So many times quiet, a stream says where it is.
HEARTBEATS = 15
#: The id of the last event of a task's stream. Who comes back with it is told to stop.
END = "end"
_HEADERS = {
    "Cache-Control": "no-store, no-transform",
    # nginx would gather what is to be sent at once.
    "X-Accel-Buffering": "no",
}
_RESUME = {"Last-Event-ID": "The `id` of the last event that was seen: what came after it is sent first."}


@bp.get("/events")
@described(
    answers={200: Media(STREAM)}, query=FollowEvents, headers=_RESUME, problems=(TooManyStreams, StoreUnavailable)
)
def follow() -> Response:
    """What happens to tasks, as server-sent events, from now on or from the event that was seen last.

    `hello` comes first; `reset` says that some of what was missed is no longer kept, so that what is known should be
    read anew. Nothing else is missed across reconnects, and nothing comes twice.
    """
    wish = queried(FollowEvents)
    after = _after(wish)
    news = services().broadcast.follow(wish.matches(), after)
    first = _first(news)
    return _stream(frames_of(_hello(_beginning(first, after)), chain(_told(first), news)), news)


@bp.get("/tasks/<task_id>/events")
@described(
    answers={200: Media(STREAM), 204: None},
    query=Resume,
    headers=_RESUME,
    problems=(TaskNotFound, TooManyStreams, StoreUnavailable),
)
def follow_task(task_id: str) -> Response:
    """What happens to one task, as server-sent events: `snapshot`, the task as it is; its events; and, when it is over,
    `end`.

    204 for a browser that comes back after that.
    """
    id_ = task_id_of(task_id)
    after = _after(queried(Resume))
    if after == END:
        return done()
    broadcast, matches = services().broadcast, _of(id_)
    news = broadcast.follow(matches, after)
    first = _first(news)
    try:
        # Read after the stream has begun: what it does not show yet, the stream will.
        snapshot = services().reading.task(id_).view()
    except TaskSystemError:
        news.close()
        raise
    begin = _beginning(first, after)
    beginning = _hello(begin) + frame_of("snapshot", snapshot, begin)
    ended = snapshot["state"] in TERMINAL
    rest: Iterable[News] = news
    if ended:
        rest = broadcast.between(matches, first.cursor) if after else ()
    return _stream(frames_of(beginning, chain(_told(first), rest), over=is_over, ended=ended), news)


def _first(news: Iterator[News]) -> News:
    """With which a stream begins. Raises TooManyStreams, and StoreUnavailable, also while this process ends."""
    for first in news:
        return first
    raise StoreUnavailable("This process is about to end. Come back.")


def _after(wish: Resume) -> str | None:
    # A browser that comes back asks for the same address again, and says here where it was.
    return request.headers.get("Last-Event-ID") or wish.after


def _beginning(first: News, after: str | None) -> str:
    """The cursor that a stream begins with; what a caller sent is not sent back unless it is one."""
    return first.cursor if first.reset or after is None else after


def _of(task_id: UUID) -> Matches:
    wanted = str(task_id)
    return lambda event: event.get("task_id") == wanted


def _stream(frames: Iterator[bytes], news: Generator[News]) -> Response:
    response = Response(frames, content_type=f"{STREAM}; charset=utf-8", headers=_HEADERS, direct_passthrough=True)
    response.call_on_close(news.close)
    return response


def frames_of(
    beginning: bytes, pages: Iterable[News], *, over: Matches | None = None, ended: bool = False
) -> Iterator[bytes]:
    """What is sent, until an event after which all is over. When it ends before, the caller comes back.

    ended: all is over already.
    """
    yield b"retry: %d\n%b" % (RETRY_MS, beginning)
    quiet = 0
    with suppress(StoreUnavailable):
        for page in pages:
            quiet = 0 if page.entries or page.reset else quiet + 1
            yield _quiet(page, quiet) if quiet else _sent(page)
            if over and any(over(entry.event) for entry in page.entries):
                ended = True
                break
        if ended:
            yield frame_of("end", {}, END)


def _told(first: News) -> tuple[News, ...]:
    return (first,) if first.entries or first.reset else ()


def _sent(page: News) -> bytes:
    if page.reset:
        detail = "Some of what came before is no longer kept. Read anew what you show."
        return frame_of("reset", {"cursor": page.cursor, "detail": detail}, page.cursor)
    return b"".join(entry.frame for entry in page.entries)


def _quiet(page: News, times: int) -> bytes:
    """A comment; now and then also how far all has been seen, for whoever comes back."""
    return b": still here\nid: %b\n\n" % page.cursor.encode() if times % HEARTBEATS == 0 else b":\n\n"


def _hello(cursor: str) -> bytes:
    return frame_of("hello", {"cursor": cursor}, cursor)


def is_over(event: TaskEvent) -> bool:
    """Whether nothing comes after it."""
    return event["event"] == "task.removed" or event["state"] in TERMINAL
