"""The task type. What it does is in `work.py`, which workers alone load.

That keeps what goes through tables out of the memory of those who only accept tasks.
"""

from task_system import Context, RetryPolicy, task_type
from task_system.task_types.data_processing.models import DataParameters, TableStatistics, TextStatistics


@task_type(
    "data_processing",
    lane="data_processing",
    # what these say of the same data they say again
    retry=RetryPolicy(max_attempts=3, not_for=(ValueError, TypeError, ArithmeticError, LookupError)),
    timeout_s=7200,
    example={"data": "test data"},
)
def data_processing(ctx: Context, parameters: DataParameters) -> TextStatistics | TableStatistics:
    """Answers the statistics of a text, of numbers, of records, of CSV or NDJSON, sent along or in a file.

    A table may be filtered, grouped, freed of duplicates, reduced to some columns, sorted and written into a new file;
    then the statistics are those of the result. CSV and NDJSON files may have any size: beyond a million numbers the
    quantiles are those of a sample, and beyond some thousands the numbers of different values are estimates.
    """
    from task_system.task_types.data_processing.work import examine  # noqa: PLC0415 - for workers alone, see above

    return examine(ctx, parameters)
