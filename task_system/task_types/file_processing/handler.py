"""The task type. What it does is in `work.py`, which workers alone load: libraries for encryption and for telling files
apart are not to fill the memory of those who only accept tasks.
"""

from task_system import Context, RetryPolicy, task_type
from task_system.task_types.file_processing.models import FileParameters, Result


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
    from task_system.task_types.file_processing.work import perform  # noqa: PLC0415 - for workers alone, see above

    return perform(ctx, parameters)
