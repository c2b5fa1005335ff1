"""The task type: one function per operation, found by its name."""

import hashlib
from collections.abc import Callable

from task_system import Context, RetryPolicy, task_type
from task_system.task_types.data_files import read_file, size_bytes
from task_system.task_types.file_processing.archives import archive
from task_system.task_types.file_processing.compression import compress, decompress
from task_system.task_types.file_processing.conversion import convert
from task_system.task_types.file_processing.encryption import decrypt, encrypt
from task_system.task_types.file_processing.inspection import inspect
from task_system.task_types.file_processing.models import (
    Checksummed,
    FileMade,
    FileParameters,
    Inspected,
    Packed,
    Unpacked,
)
from task_system.task_types.file_processing.parts import merge, split
from task_system.task_types.file_processing.progress import chunks
from task_system.task_types.file_processing.unarchiving import unarchive

Result = Inspected | Checksummed | FileMade | Packed | Unpacked


@task_type(
    "file_processing",
    lane="file_processing",
    # a full disk may have room again; the same bytes that could not be understood cannot be understood later
    retry=RetryPolicy(max_attempts=4, not_for=(ValueError, TypeError, ArithmeticError, LookupError)),
    timeout_s=1800,
    example={"filename": "sales.csv", "operation": "inspect"},
)
def file_processing(ctx: Context, parameters: FileParameters) -> Result:
    """Inspects, checks, compresses, converts, archives, splits, merges or encrypts files of the data folder's `files/`,
    and undoes it.
    """
    return _OPERATIONS[parameters.operation](ctx, parameters)


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
