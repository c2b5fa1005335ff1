"""The API as commands ask it: JSON in and out, and errors in one line that says what to do."""

import json
from collections.abc import Callable, Iterator
from functools import update_wrapper
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import quote

import click
import httpx2

F = TypeVar("F", bound=Callable[..., Any])
Json = dict[str, Any]

BASE_URL = "http://127.0.0.1:5000"
#: No answer of the API takes longer, in seconds, save a stream.
TIMEOUT_S = 40.0
#: A stream says every second that it is there, in seconds.
STREAM_QUIET_S = 10.0
#: Sent at once of a file.
PIECE_BYTES = 1 << 20
ELSEWHERE = "--url or BASE_URL name another."
#: What a stream tells: the event's name and what it says; no name when nothing happened for a second.
Told = tuple[str, Json]


#: What to do next, by the problem's code, where its own words speak of HTTP or of nothing.
NEXT = {
    "task_not_found": "`taskq list` shows those there are.",
    "task_finished": "`taskq retry` runs it again.",
    "task_not_finished": "`taskq show` says what it waits for; `taskq cancel` stops it.",
    "batch_not_found": "`taskq batches` shows the newest.",
    "failure_not_found": "`taskq failures` shows those there are.",
    "file_not_found": "`taskq files` shows those there are.",
    "queue_not_found": "`taskq queues` shows those there are.",
    "name_taken": "`taskq schedules` shows those there are.",
    "task_type_refused": "Who closed it opens it again: POST /api/task-types/<name>/allow.",
    "store_unavailable": "`taskq doctor` says more.",
    "files_unavailable": "`taskq doctor` says more.",
}


class Refused(click.ClickException):
    """The API did not do what was asked."""

    def __init__(self, status: int, problem: Json) -> None:
        self.status = status
        self.problem = problem
        super().__init__(_words(problem) or f"the service answered {status}; its log says why.")


class Unreachable(click.ClickException):
    """There is no API at that address."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"no service answers at {url} ({why}). Start one with `taskq run`. {ELSEWHERE}")


class Api:
    """One service's API."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        try:
            self._http = httpx2.Client(base_url=self.url, timeout=TIMEOUT_S, follow_redirects=False)
        except (httpx2.InvalidURL, ValueError) as error:
            raise click.BadParameter(
                f"{url!r} is no address: {error}. Write one like {BASE_URL}.", param_hint="--url"
            ) from None

    def close(self) -> None:
        """Let go of its connection."""
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """The answer's JSON. Query parameters that are None or empty are left out."""
        return self.ask("GET", path, params=_given(query))

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        """The answer's JSON."""
        return self.ask("POST", path, params=_given(query), json=body)

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """Any request; its answer's JSON. Raises Refused, Unreachable."""
        response = self.send(method, path, **options)
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError:
            raise Unreachable(self.url, f"what answers there is no task service: {response.text[:60]!r}") from None

    def send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Any request. Raises Refused, Unreachable."""
        try:
            response = self._http.request(method, path, **options)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Unreachable(self.url, str(error) or type(error).__name__) from None
        if response.is_error:
            raise Refused(response.status_code, _problem(response))
        return response

    def upload(self, path: Path) -> Json:
        """Keep a file, sent piece by piece; what is known of it then. Raises OSError, Refused, Unreachable."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(path.stat().st_size)}
        made: Json = self.ask("POST", "/api/files", params={"name": path.name}, content=_pieces(path), headers=headers)
        return made

    def stream(self, method: str, path: str, **options: Any) -> Iterator[bytes]:
        """The answer's bytes as they come. Raises Refused, Unreachable."""
        try:
            with self._http.stream(method, path, **options) as response:
                if response.is_error:
                    response.read()
                    raise Refused(response.status_code, _problem(response))
                yield from response.iter_bytes()
        except httpx2.HTTPError as error:
            raise Unreachable(self.url, str(error) or type(error).__name__) from None

    def events(self, path: str) -> Iterator[Told]:
        """What a stream tells, until it ends. Raises Refused, Unreachable."""
        lines: Json = {}
        timeout = httpx2.Timeout(TIMEOUT_S, read=STREAM_QUIET_S)
        try:
            with self._http.stream("GET", path, timeout=timeout) as response:
                if response.is_error:
                    response.read()
                    raise Refused(response.status_code, _problem(response))
                for line in response.iter_lines():
                    if line:
                        name, _, value = line.partition(":")
                        lines[name] = value.removeprefix(" ")
                        continue
                    yield lines.get("event", ""), json.loads(lines.get("data", "{}"))
                    lines = {}
        except (httpx2.HTTPError, ValueError) as error:
            raise Unreachable(self.url, str(error) or type(error).__name__) from None

    def pages(self, path: str, plural: str, most: int, **query: Any) -> Iterator[Json]:
        """Up to so many entries of a list, over as many of its pages as that takes."""
        page = self.get(path, **query)
        while True:
            yield from page[plural][:most]
            most -= len(page[plural])
            if most <= 0 or not page.get("next"):
                return
            page = self.ask("GET", page["next"])


def task_path(task_id: str, *more: str) -> str:
    """A task's address, whatever was typed for its id."""
    return "/".join(["/api/tasks", quote(task_id, safe=""), *more])


def reaches(command: F) -> F:
    """Give a command `--url`, and an `api` to ask."""

    def asking(*arguments: Any, url: str, **options: Any) -> Any:
        api = Api(url)
        click.get_current_context().call_on_close(api.close)
        return command(*arguments, api=api, **options)

    option = click.option("--url", envvar="BASE_URL", default=BASE_URL, show_default=True, help="Where the service is.")
    return cast("F", option(update_wrapper(asking, command)))


def reaches_too(command: F) -> F:
    """The same for a command of a group that `reaches` it: what is said behind its name counts."""

    def asking(*arguments: Any, url: str | None, **options: Any) -> Any:
        context = click.get_current_context()
        api: Api = context.obj
        if url is not None:
            api = Api(url)
            context.call_on_close(api.close)
        return command(api, *arguments, **options)

    return cast("F", click.option("--url", help="Where the service is.")(update_wrapper(asking, command)))


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _given(query: Json) -> Json:
    return {name: value for name, value in query.items() if value not in (None, "", (), [])}


def _problem(response: httpx2.Response) -> Json:
    try:
        said = response.json()
    except ValueError:
        what = f"{response.status_code} {response.text[:60]!r}"
        return {"detail": f"what answers there is no task service: {what}. {ELSEWHERE}"}
    return said if isinstance(said, dict) else {}


def _words(problem: Json) -> str:
    detail, errors = str(problem.get("detail", "")), problem.get("errors", ())
    # They stand below it here.
    lines = [detail.partition(" `errors`")[0]]
    lines += [f"  {one.get('path')}: {one.get('message')}" for one in errors if str(one.get("message")) not in detail]
    if any(one.get("path") in {"q", "filter.q"} for one in errors):
        lines.append("`taskq list --help` says how to search.")
    lines.append(NEXT.get(problem.get("error", ""), ""))
    return "\n".join(lines).strip()
