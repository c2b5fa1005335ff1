"""The Flask app, put together from the resources."""

from flask import Flask
from flask_cors import CORS

from task_system.api import (
    acting,
    batches,
    bulk,
    errors,
    explaining,
    failures,
    files,
    health,
    listing,
    queue_controls,
    queues,
    reference,
    root,
    schedules,
    stats,
    streams,
    task_log,
    task_types,
    tasks,
    workers,
)
from task_system.api.flask_app import ApiFlask
from task_system.api.http import OrjsonProvider
from task_system.api.services import Services


def create_flask(
    services: Services,
    *,
    allowed_hosts: tuple[str, ...] = (),
    cors_origins: tuple[str, ...] = (),
    max_body_bytes: int,
) -> Flask:
    """An app that serves these services, under those names. cors_origins: whose pages may call it from a browser."""
    app = ApiFlask(allowed_hosts, cors_origins)
    app.json = OrjsonProvider(app)
    app.config["MAX_CONTENT_LENGTH"] = max_body_bytes
    app.extensions["task_system"] = services
    if cors_origins:
        CORS(app, origins=list(cors_origins), resources=r"/api/.*")
    for resource in (
        root,
        tasks,
        listing,
        explaining,
        streams,
        task_log,
        acting,
        batches,
        bulk,
        task_types,
        queues,
        queue_controls,
        workers,
        schedules,
        stats,
        failures,
        files,
        health,
        reference,
    ):
        app.register_blueprint(resource.bp)
    errors.register(app)
    return app
