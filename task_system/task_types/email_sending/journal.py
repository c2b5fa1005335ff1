"""What became of each recipient so far, on disk, so that a repeated attempt goes on where the last one ended."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from task_system import Context, Retry
from task_system.task_types.email_sending.models import Recipient
from task_system.task_types.email_sending.outbox import OUTBOX


class Journal:
    """The outcomes of a task's recipients, by address. Made by `open_journal`."""

    def __init__(self, descriptor: int, outcomes: dict[str, Recipient]) -> None:
        self.outcomes = outcomes
        self._descriptor = descriptor

    def add(self, outcome: Recipient) -> None:
        """It is on disk when this returns."""
        self.outcomes[outcome.address] = outcome
        os.write(self._descriptor, outcome.model_dump_json().encode() + b"\n")
        os.fsync(self._descriptor)


@contextmanager
def open_journal(ctx: Context) -> Iterator[Journal]:
    """The task's journal, with what its earlier attempts wrote. Raises Retry when the disk will not have it."""
    folder = ctx.data_dir / OUTBOX
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / f"{ctx.task_id}.ndjson", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Retry(f"The journal cannot be written to `{OUTBOX}`: {os.strerror(error.errno or 0)}") from None
    try:
        outcomes, whole_bytes = _read(descriptor)
        # what a crash left of a line would spoil the next one
        os.ftruncate(descriptor, whole_bytes)
        os.lseek(descriptor, whole_bytes, os.SEEK_SET)
        yield Journal(descriptor, outcomes)
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> tuple[dict[str, Recipient], int]:
    """The outcomes, and how many bytes of the file hold whole ones."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        outcomes: dict[str, Recipient] = {}
        whole_bytes = 0
        for line in file:
            try:
                outcome = Recipient.model_validate_json(line)
            except ValidationError:
                break
            if not line.endswith(b"\n"):
                break
            outcomes[outcome.address] = outcome
            whole_bytes += len(line)
        return outcomes, whole_bytes
