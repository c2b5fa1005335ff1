"""Files, as handlers see them: known by their ids, wherever their bytes are."""

from dataclasses import dataclass
from typing import Annotated, BinaryIO
from uuid import UUID

from pydantic import Field

#: A parameter that takes a file's id. Its schema says so, and forms offer an upload for it.
FileId = Annotated[UUID, Field(json_schema_extra={"format": "file-id"})]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """What is known of a file."""

    file_id: UUID
    #: As its maker called it; not a path, and not unique.
    name: str
    #: In bytes.
    size: int
    sha256: str
    #: By content.
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedFile:
    """A file in the making: write to `stream`. It is the task's once the attempt has succeeded."""

    file_id: UUID
    name: str
    stream: BinaryIO
