"""The worker process, and the Celery app that Flower and `celery -A tasks` use."""

import os
from urllib.parse import unquote, urlsplit

from celery import Celery

from task_system.model.errors import ConfigurationError
from task_system.settings import Settings
from task_system.store import Database
from task_system.task_types.email_sending import Security, SmtpServer
from task_system.task_types.http_request import HttpPolicy
from task_system.task_types.secret_values import Secrets
from task_system.wiring.allowances import http_policy, secrets_of
from task_system.wiring.parts import VERSION, Parts
from task_system.wiring.sample import put_sample
from task_system.worker.celery_app import WorkerParts, create_celery_app


def create_celery(settings: Settings | None = None) -> Celery:
    """The Celery app of workers, Flower and `celery -A tasks`."""
    return celery_of(Parts(settings or Settings()))


def celery_of(parts: Parts) -> Celery:
    """The Celery app over these parts."""
    return create_celery_app("celeryconfig", parts.registry, lambda: _worker(parts))


def _worker(parts: Parts) -> WorkerParts:
    settings, data_dir = parts.settings, parts.settings.data_dir.resolve()
    put_sample(data_dir)
    attempts_database = Database(settings.database, durable=False, connections=2)
    return WorkerParts(
        registry=parts.registry,
        database=parts.background_database,
        workers=parts.workers,
        attempts_database=attempts_database,
        results=parts.results,
        events=parts.events,
        admission=parts.admission,
        park=parts.controls.park,
        looks=None if settings.embedded else parts.inspector.looks,
        version=VERSION,
        data_dir=data_dir,
        filing=parts.filing(attempts_database),
        lease_s=settings.lease_s,
        heartbeat_s=settings.heartbeat_s,
        grace_s=settings.worker_grace_s,
        resources=_resources(settings),
    )


def _resources(settings: Settings) -> dict[type, object]:
    url = settings.smtp_url.get_secret_value()
    mail: dict[type, object] = {SmtpServer: _smtp_server(url, settings.smtp_sender)} if url else {}
    return {HttpPolicy: http_policy(settings), Secrets: secrets_of(settings, os.environ), **mail}


#: URL scheme: what it means for the connection, and the usual port.
_SMTP: dict[str, tuple[Security, int]] = {
    "smtp": ("none", 25),
    "smtp+starttls": ("starttls", 587),
    "smtps": ("tls", 465),
}


def _smtp_server(url: str, sender: str) -> SmtpServer:
    parts = urlsplit(url)
    if parts.scheme not in _SMTP or not parts.hostname:
        raise ConfigurationError(f"SMTP_URL must be {', '.join(f'{scheme}://host:port' for scheme in _SMTP)}.")
    security, port = _SMTP[parts.scheme]
    return SmtpServer(
        host=parts.hostname,
        port=parts.port or port,
        security=security,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        sender=sender,
    )
