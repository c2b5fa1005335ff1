"""Files that go with a message."""

import mimetypes
from dataclasses import dataclass

from task_system import Context, Fail
from task_system.task_types.data_files import named, read_file, size_bytes

#: Of all files together; what is larger most mail servers refuse.
ATTACHMENTS_MAX_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file, read."""

    name: str
    media_type: str
    content: bytes


def read_attachments(ctx: Context, names: list[str]) -> list[Attachment]:
    """The files. Raises Fail when they are too large together, and as `read_file` does."""
    found: list[Attachment] = []
    left = ATTACHMENTS_MAX_BYTES
    for name in [named(ctx, name) for name in names]:
        with read_file(ctx, name) as source:
            if size_bytes(source) > left:
                raise Fail(f"The attachments have more than {ATTACHMENTS_MAX_BYTES:,} bytes together: send a link")
            content = source.read(left + 1)
        left -= len(content)
        leaf = name.rpartition("/")[2]
        guessed, packed = mimetypes.guess_type(leaf)
        media_type = guessed if guessed and not packed else "application/octet-stream"
        found.append(Attachment(leaf, media_type, content))
    return found
