"""Files as values: what is known of one beside its bytes."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from task_system.model.time import iso

#: In bytes: what common file systems take.
NAME_MAX_BYTES = 255
#: A larger result is a blob, and not in its task's row.
RESULT_MAX_BYTES = 256 * 1024
UNNAMED = "unnamed"
#: Control characters, and those that turn the direction of writing, so that an ending looks like another.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


class Kind(StrEnum):
    """What a file is to its task."""

    FILE = "file"
    RESULT = "result"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A file whose blob is there, ready to be recorded."""

    id: UUID
    name: str
    size: int
    sha256: str
    content_type: str
    kind: Kind = Kind.FILE
    #: Kept for so long from now, by the database's clock; None: as long as its task.
    keep_s: float | None = None
    #: Which attempt of which task made it.
    task_id: UUID | None = None
    attempt: int | None = None
    namespace: str = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """One row."""

    id: UUID
    kind: Kind
    name: str
    size: int
    sha256: str
    content_type: str
    created_at: datetime
    expires_at: datetime | None
    task_id: UUID | None

    def view(self) -> dict[str, Any]:
        """As callers see it."""
        address = f"/api/files/{self.id}"
        return {
            "file_id": str(self.id),
            "name": self.name,
            "size": self.size,
            "sha256": self.sha256,
            "content_type": self.content_type,
            "created_at": iso(self.created_at),
            "expires_at": iso(self.expires_at),
            "task_id": str(self.task_id) if self.task_id else None,
            "links": {"self": f"{address}/info", "content": address},
        }


def plain_name(name: str) -> str:
    """A name as it is kept: no folders, nothing unseen, not too long. It is shown, and no path is made of it."""
    leaf = _UNSEEN.sub("", name.replace("\\", "/").rpartition("/")[2]).strip()
    if len(leaf.encode()) > NAME_MAX_BYTES:
        stem, dot, ending = leaf.rpartition(".")
        tail = f"{dot}{ending}" if stem and len(ending.encode()) <= 16 else ""
        leaf = leaf.encode()[: NAME_MAX_BYTES - len(tail.encode())].decode(errors="ignore") + tail
    return UNNAMED if leaf in {"", ".", ".."} else leaf
