"""Messages as files, for a service that has no mail server."""

import os
from contextlib import suppress
from email.message import EmailMessage

from task_system import Context, Retry

OUTBOX = "outbox"


def write_to_outbox(ctx: Context, message: EmailMessage, number: int | None = None) -> str:
    """Write the message into the data folder and return its name there. A repeated attempt replaces its own file.

    number: of the recipient, of messages that go individually.

    Raises Retry when the disk will not take it.
    """
    folder = ctx.data_dir / OUTBOX
    name = f"{ctx.task_id}.eml" if number is None else f"{ctx.task_id}.{number}.eml"
    unfinished = folder / f".{ctx.task_id}.{ctx.lease_token}.part"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mail is private: for the service's own user alone
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(message.as_bytes())
                file.flush()
                os.fsync(descriptor)
            unfinished.replace(folder / name)
        except BaseException:
            with suppress(FileNotFoundError):
                unfinished.unlink()
            raise
    except OSError as error:
        raise Retry(
            f"The message cannot be written to the folder `{OUTBOX}`: {os.strerror(error.errno or 0)}"
        ) from None
    return f"{OUTBOX}/{name}"
