"""/api/tasks/<task_id>/explain and …/result: why a task does not run now, and what it ended with."""

from datetime import datetime
from typing import Any

from flask import Blueprint, Response

from task_system.api.delivering import deliver_file
from task_system.api.describing import described
from task_system.api.errors import problem
from task_system.api.http import answer, task_id_of
from task_system.api.services import Services, services
from task_system.api.shapes.tasks import Explained
from task_system.model.errors import TaskNotFound
from task_system.model.routing import lane_of
from task_system.model.states import TERMINAL, State
from task_system.model.task import Task
from task_system.model.time import in_words, iso, span
from task_system.store.looking import MOST

bp = Blueprint("explaining", __name__, url_prefix="/api/tasks")


@bp.get("/<task_id>/result")
@described(answers={200: Any}, problems=(TaskNotFound,), statuses={404: "The task has no result (yet)."})
def result(task_id: str) -> Response:
    """The result alone, whatever its size. 404 while there is none."""
    task = services().reading.task(task_id_of(task_id))
    if task.state is not State.SUCCESS:
        detail = f"The task is {task.state}; only one that succeeded has a result."
        return problem(404, "no_result", detail, task_id=str(task.id), state=task.state)
    return answer(task.result) if task.result_size is None else deliver_file(services().filing.files.result_of(task.id))


@bp.get("/<task_id>/explain")
@described(answers={200: Explained}, problems=(TaskNotFound,))
def explain(task_id: str) -> Response:
    """One sentence, a code and numbers: why the task is where it is."""
    this = services()
    task = this.reading.task(task_id_of(task_id))
    code, sentence, numbers = _explained(this, task, this.looking.now())
    return answer(
        {"task_id": str(task.id), "state": task.state, "code": code, "sentence": sentence, "numbers": numbers}
    )


_Explained = tuple[str, str, dict[str, Any]]


def _explained(this: Services, task: Task, now: datetime) -> _Explained:
    if task.state in TERMINAL:
        return _finished(task)
    if task.state is State.STARTED:
        return _running(task, now)
    left_s = round((task.run_at - now).total_seconds(), 3)
    numbers = {"run_at": iso(task.run_at), "seconds_left": left_s}
    if left_s > 0 and task.state is State.RETRY:
        sentence = f"Attempt {task.attempt} failed; the next one is due in {span(left_s)}, at {in_words(task.run_at)}."
        return "retry_backoff", sentence, {**numbers, "attempt": task.attempt, "max_attempts": task.max_attempts}
    if left_s > 0:
        return "scheduled", f"It is not due before {in_words(task.run_at)}, in {span(left_s)}.", numbers
    return _due(this, task, -left_s)


def _finished(task: Task) -> _Explained:
    why = task.cancel_reason if task.state is State.CANCELLED else task.error_message
    when = f" at {in_words(task.finished_at)}" if task.finished_at else ""
    sentence = f"It is over: {task.state}{when}{f' ({why})' if why else ''}."
    return "finished", sentence, {"finished_at": iso(task.finished_at), "attempt": task.attempt}


def _running(task: Task, now: datetime) -> _Explained:
    started = task.started_at or now
    since_s = round(max(0.0, (now - started).total_seconds()), 3)
    numbers = {"worker": task.worker, "started_at": iso(started), "seconds": since_s, "timeout_s": task.timeout_s}
    if task.cancel_requested_at:
        sentence = f"It runs on {task.worker} since {span(since_s)}, and is being stopped: a cancel was asked for."
        return "stopping", sentence, {**numbers, "cancel_requested_at": iso(task.cancel_requested_at)}
    return "running", f"It runs on {task.worker} since {span(since_s)}.", numbers


def _due(this: Services, task: Task, since_s: float) -> _Explained:
    return _closed(this, task, since_s) or _open(this, task, since_s)


def _closed(this: Services, task: Task, since_s: float) -> _Explained | None:
    """Whether an operator keeps it from starting."""
    numbers: dict[str, Any] = {"queue": task.queue, "seconds_waited": since_s}
    if pause := this.controls.paused().get(task.queue):
        until = f" until {in_words(pause.until)}" if pause.until else ""
        sentence = f"Its queue {task.queue} is paused{until}{_because(pause.reason)}."
        told = {"since": iso(pause.since), "until": iso(pause.until), "reason": pause.reason}
        return "queue_paused", sentence, {**numbers, **told}
    control = this.controls.types().get(task.task_type)
    if control and control.control == "hold":
        sentence = f"Tasks of type {task.task_type} are held{_because(control.reason)}."
        return "type_held", sentence, {**numbers, "since": iso(control.since), "reason": control.reason}
    return None


def _because(reason: str | None) -> str:
    return f" ({reason})" if reason else ""


def _open(this: Services, task: Task, since_s: float) -> _Explained:
    lane = lane_of(task.queue)
    serving = [seen for seen in this.workers.alive(this.alive_s) if seen.role == "worker" and lane in seen.lanes]
    numbers: dict[str, Any] = {"queue": task.queue, "seconds_waited": since_s, "workers": len(serving)}
    if not serving:
        sentence = f"No live worker serves the lane {lane}. Start one with `taskq worker {lane}`."
        return "no_worker", sentence, numbers
    if task.published_at is None:
        sentence = f"It is due since {span(since_s)}, and its message is on its way to the queue {task.queue}."
        return "publishing", sentence, numbers
    ahead = this.looking.ahead(task)
    slots = sum(seen.slots or 0 for seen in serving)
    count = f"{ahead} or more" if ahead == MOST else str(ahead)
    sentence = f"It waits in the queue {task.queue} behind {count} others, for one of {slots} slots."
    return "waiting", sentence, {**numbers, "ahead": ahead, "ahead_is_capped": ahead == MOST, "slots": slots}
