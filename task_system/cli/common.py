"""What the commands that run processes have in common."""

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


def stop(_number: int, _frame: object) -> None:
    """A signal handler: leave in order."""
    raise SystemExit(0)
