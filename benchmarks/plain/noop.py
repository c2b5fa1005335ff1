"""A Flask POST that does nothing: what the framework and the server cost before anybody does any work."""

from flask import Flask, Response, jsonify

app = Flask(__name__)


@app.post("/api/tasks")
def submit() -> tuple[Response, int]:
    """Answer 202 without reading the request."""
    return jsonify(task_id="00000000-0000-7000-8000-000000000000", state="PENDING"), 202


@app.get("/health")
def health() -> Response:
    """Say that the process answers."""
    return jsonify(ok=True)
