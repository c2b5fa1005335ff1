"""Blobs: bytes under ids, in a folder or in an S3-compatible store. What they are is in the store's table `files`.

No path comes from a caller: a blob's place is made of its id alone.
"""

from task_system.files.blobs import Blobs
from task_system.files.local import LocalBlobs

__all__ = ["Blobs", "LocalBlobs"]
