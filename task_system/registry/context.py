"""What a handler is given about the attempt it runs in, and what it can say while running."""

import logging
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from uuid import UUID

from task_system.registry.files import CreatedFile, FileInfo

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

        Cheap to call often: the store is written at most about twice a second. Raises `Cancelled` when a cancel was
        requested.
        """

    @abstractmethod
    def check_cancelled(self) -> None:
        """Raise `Cancelled` when a cancel was requested. Cheap to call often."""

    @abstractmethod
    def file_info(self, file_id: UUID) -> FileInfo:
        """What is known of a file. Raises Fail when there is none, in words for the caller."""

    @abstractmethod
    def open_file(self, file_id: UUID) -> AbstractContextManager[BinaryIO]:
        """Open a file for reading, from anywhere in it. Raises Fail when there is none.

        Where files are kept elsewhere it is first copied to this machine, however large; a cancel is seen meanwhile.
        """

    @abstractmethod
    def local_path(self, file_id: UUID) -> Path:
        """A file as one of this machine, under its own name, until the attempt ends. Raises Fail when there is none.

        For libraries and programs that want a path. Do not write to it.
        """

    @abstractmethod
    def create_file(self, name: str) -> AbstractContextManager[CreatedFile]:
        """Make a file: write to its `stream` in the block. It is safe when the block ends, and gone when it raises.

        It belongs to the task once the attempt has succeeded, and never when it does not: another attempt makes its
        own.
        """

    @abstractmethod
    def resource(self, kind: type[R]) -> R:
        """A service that the process was wired with, by its class, for example `ctx.resource(SmtpServer)`.

        Raises LookupError that names the class when the process was wired without it.
        """
