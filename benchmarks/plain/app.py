"""The peer's web service: one `apply_async` for each request."""

from flask import Flask, Response, jsonify, request, url_for

from benchmarks.plain import tasks

app = Flask(__name__)
TYPES = {"noop": tasks.noop, "sleep_50ms": tasks.sleep_50ms}


@app.post("/api/tasks")
def submit() -> tuple[Response, int]:
    """Hand the named task to Celery and answer with its id."""
    body = request.get_json()
    task = TYPES.get(body.get("task_type"))
    if task is None:
        return jsonify(error="unknown task type"), 422
    result = task.apply_async(kwargs=body.get("parameters", {}))
    return jsonify(task_id=result.id, status_url=url_for("status", task_id=result.id)), 202


@app.get("/api/tasks/<task_id>")
def status(task_id: str) -> Response:
    """What Redis knows of the task."""
    result = tasks.app.AsyncResult(task_id)
    return jsonify(task_id=task_id, state=result.state, result=result.result if result.successful() else None)


@app.get("/health")
def health() -> Response:
    """Say that the process answers."""
    return jsonify(ok=True)
