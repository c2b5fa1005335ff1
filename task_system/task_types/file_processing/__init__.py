"""`file_processing`: look into a file of the data folder, or make new files of it.

`handler.py` is the task type; `inspection.py`, `compression.py`, `conversion.py`, `archives.py`, `unarchiving.py`,
`parts.py` and `encryption.py` are one operation each or a pair; `progress.py` says how far the bytes are; `models.py`
is what goes in and what comes out.
"""

from task_system.task_types.file_processing.handler import file_processing
from task_system.task_types.file_processing.models import (
    Checksummed,
    FileMade,
    FileParameters,
    Inspected,
    Packed,
    Unpacked,
)

__all__ = ["Checksummed", "FileMade", "FileParameters", "Inspected", "Packed", "Unpacked", "file_processing"]
