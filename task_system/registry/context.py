"""What a handler is given about the attempt it runs in, and what it can say while running."""

import logging
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

R = TypeVar("R")


class Context(ABC):
    """One attempt, as its handler sees it. The worker and `testing` implement it."""

    #: The task's id: the same in every attempt.
    task_id: UUID
    #: The task type's name.
    task_type: str
    #: 1 for the first start of the task, 2 for the second, …
    attempt: int
    #: How many attempts the task may cost.
    max_attempts: int
    #: Unique to this attempt: with `task_id` it makes effects in other systems idempotent or fenced.
    lease_token: UUID
    #: The service's folder for data. Handlers keep to their own folder below it.
    data_dir: Path
    #: A logger whose lines belong to this attempt.
    log: logging.Logger

    @abstractmethod
    def progress(self, percent: float, message: str = "", **fields: Any) -> None:
        """Show how far the attempt is: `percent` from 0 to 100, a short message, numbers of your own.

        Cheap to call often: the store is written at most about once a second. Raises `Cancelled` when a cancel was
        requested.
        """

    @abstractmethod
    def check_cancelled(self) -> None:
        """Raise `Cancelled` when a cancel was requested. Cheap to call often."""

    @abstractmethod
    def resource(self, kind: type[R]) -> R:
        """A service that the process was wired with, by its class, for example `ctx.resource(SmtpServer)`.

        Raises LookupError that names the class when the process was wired without it.
        """
