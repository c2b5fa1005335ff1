"""`image_processing`: a list of images through the same operations, each into a new file.

`handler.py` is the task type; `sources.py` opens what is named and makes test images; `decoding.py` lets in only what
fits into memory; `operations.py` has a function for each operation; `encoding.py` writes the outcome; `models.py` is
what goes in and what comes out.
"""

from task_system.task_types.image_processing.handler import image_processing
from task_system.task_types.image_processing.models import ImageParameters, ImagesProcessed

__all__ = ["ImageParameters", "ImagesProcessed", "image_processing"]
