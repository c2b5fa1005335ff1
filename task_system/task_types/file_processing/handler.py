"""The task type: one function per operation, found by its name."""

import hashlib
from collections.abc import Callable

from task_system import Context, RetryPolicy, task_type
from task_system.task_types.data_files import read_file, size_bytes
from task_system.task_types.file_processing.compression import compress, decompress
from task_system.task_types.file_processing.conversion import convert
from task_system.task_types.file_processing.inspection import inspect
from task_system.task_types.file_processing.models import Checksummed, FileMade, FileParameters, Inspected
from task_system.task_types.file_processing.progress import chunks


@task_type(
    "file_processing",
    lane="file_processing",
    # a full disk may have room again; the same bytes that could not be understood cannot be understood later
    retry=RetryPolicy(max_attempts=4, not_for=(ValueError, TypeError, ArithmeticError, LookupError)),
    timeout_s=1800,
    example={"filename": "sales.csv", "operation": "inspect"},
)
def file_processing(ctx: Context, parameters: FileParameters) -> Inspected | Checksummed | FileMade:
    """Inspects, checks, compresses, decompresses or converts a file of the data folder's `files/`."""
    return _OPERATIONS[parameters.operation](ctx, parameters)


def checksum(ctx: Context, parameters: FileParameters) -> Checksummed:
    """The digest of the file's bytes."""
    digest = hashlib.new(parameters.algorithm, usedforsecurity=False)
    with read_file(ctx, parameters.filename) as source:
        for chunk in chunks(ctx, source, "reading"):
            digest.update(chunk)
        return Checksummed(
            filename=parameters.filename,
            size_bytes=size_bytes(source),
            algorithm=parameters.algorithm,
            checksum=digest.hexdigest(),
        )


_OPERATIONS: dict[str, Callable[[Context, FileParameters], Inspected | Checksummed | FileMade]] = {
    "inspect": inspect,
    "checksum": checksum,
    "compress": compress,
    "decompress": decompress,
    "convert": convert,
}
