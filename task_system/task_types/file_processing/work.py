"""One function per operation, found by its name."""

import hashlib
from collections.abc import Callable

from task_system import Context
from task_system.task_types.data_files import named, read_file, size_bytes
from task_system.task_types.file_processing.archives import archive
from task_system.task_types.file_processing.compression import compress, decompress
from task_system.task_types.file_processing.conversion import convert
from task_system.task_types.file_processing.encryption import decrypt, encrypt
from task_system.task_types.file_processing.inspection import inspect
from task_system.task_types.file_processing.models import (
    Checksummed,
    FileParameters,
    Result,
)
from task_system.task_types.file_processing.parts import merge, split
from task_system.task_types.file_processing.progress import chunks
from task_system.task_types.file_processing.unarchiving import unarchive


def perform(ctx: Context, parameters: FileParameters) -> Result:
    """The operation that is asked for."""
    return _OPERATIONS[parameters.operation](ctx, _named(ctx, parameters))


def _named(ctx: Context, parameters: FileParameters) -> FileParameters:
    """The files under the names that they have."""
    found = {
        "filename": parameters.filename and named(ctx, parameters.filename),
        "filenames": parameters.filenames and [named(ctx, name) for name in parameters.filenames],
    }
    return parameters.model_copy(update=found)


def checksum(ctx: Context, parameters: FileParameters) -> Checksummed:
    """The digest of the file's bytes."""
    digest = hashlib.new(parameters.algorithm, usedforsecurity=False)
    with read_file(ctx, parameters.source) as source:
        for chunk in chunks(ctx, source, "reading"):
            digest.update(chunk)
        return Checksummed(
            filename=parameters.source,
            size_bytes=size_bytes(source),
            algorithm=parameters.algorithm,
            checksum=digest.hexdigest(),
        )


_OPERATIONS: dict[str, Callable[[Context, FileParameters], Result]] = {
    "inspect": inspect,
    "checksum": checksum,
    "compress": compress,
    "decompress": decompress,
    "convert": convert,
    "archive": archive,
    "unarchive": unarchive,
    "split": split,
    "merge": merge,
    "encrypt": encrypt,
    "decrypt": decrypt,
}
