"""The task type. What it does is in `work.py`, which workers alone load.

That keeps Pillow out of the memory of those who only accept tasks.
"""

from task_system import Context, RetryPolicy, task_type
from task_system.task_types.image_processing.models import ImageParameters, ImagesProcessed


@task_type(
    "image_processing",
    lane="image_processing",
    # a full disk may have room again; the same bytes that are no image now are none later
    retry=RetryPolicy(max_attempts=4, not_for=(ValueError, TypeError, ArithmeticError, LookupError)),
    timeout_s=1800,
)
def image_processing(ctx: Context, parameters: ImageParameters) -> ImagesProcessed:
    """Resizes, crops, turns, marks and converts images of the data folder's `files/`, or test images that it makes.

    What is kept of an image beside its pixels: what the camera noted (EXIF), unless it is stripped, and the colour
    profile. Comments and the like are not. Of an animation the first picture is taken.
    """
    from task_system.task_types.image_processing.work import process  # noqa: PLC0415 - for workers alone, see above

    return process(ctx, parameters)
