"""What the commands that run processes have in common."""

import socket

from task_system.model.errors import ConfigurationError
from task_system.settings import Settings
from task_system.telemetry import logs


def configured() -> Settings:
    """The settings, with logging set up as they say."""
    settings = Settings()
    logs.configure(settings.log_level, settings.log_format)
    return settings


def configured_for(command: str) -> Settings:
    """The same for a command that runs one of several processes. Raises ConfigurationError for the embedded broker."""
    settings = configured()
    if settings.embedded:
        raise ConfigurationError(
            f"`{command}` runs one of several processes, which need a broker between them: set BROKER_URL to amqp://…, "
            "or run everything in one process with `taskq run`."
        )
    return settings


def listener_of(settings: Settings) -> socket.socket:
    """A socket at HOST and PORT that does not listen yet. Raises ConfigurationError, before anything is started."""
    listener = None
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, number)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        if listener:
            listener.close()
        raise ConfigurationError(
            f"HOST and PORT, {settings.host}:{settings.port}, cannot be listened on: {error.strerror}. "
            "Stop what listens there, or set PORT to another; nothing was started."
        ) from None
    return listener


def stop(_number: int, _frame: object) -> None:
    """A signal handler: leave in order."""
    raise SystemExit(0)
