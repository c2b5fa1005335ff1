"""Files, as handlers see them: known by their ids, wherever their bytes are."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Annotated, Any, BinaryIO
from uuid import UUID

from pydantic import AfterValidator, Field, ValidationInfo

#: Said by the schema of a property that takes a file.
FILE_ID = "file-id"


class NamedFiles:
    """The files that parameters name. As the context of their validation it hears of each, and refuses the unknown."""

    def __init__(self, unknown: Container[UUID] = ()) -> None:
        self.ids: set[UUID] = set()
        self._unknown = unknown

    def add(self, file_id: UUID) -> None:
        """One of them. Raises ValueError."""
        self.ids.add(file_id)
        if file_id in self._unknown:
            raise ValueError(
                f"there is no file {file_id}: it was never uploaded, or removed since; POST /api/files takes it"
            )


def named_file(file_id: UUID, info: ValidationInfo[Any]) -> UUID:
    """For validators of parameters that take a file: tells of the one that is named, where somebody wants to know."""
    if isinstance(info.context, NamedFiles):
        info.context.add(file_id)
    return file_id


#: A parameter that takes a file's id. Its schema says so, and forms offer an upload for it.
FileId = Annotated[UUID, AfterValidator(named_file), Field(json_schema_extra={"format": FILE_ID})]


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
