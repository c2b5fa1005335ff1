"""`data_processing`: the statistics of a text or of a table, and tables made of tables.

`handler.py` is the task type; `work.py` finds out what was sent. Prose is counted by `words.py`. A table is read by
`reading.py` and goes through `table.py`: `steps.py` takes it row by row, `spilling.py` sorts and finds duplicates with
the disk's help, `writing.py` makes the new file, `columns.py`, `numbers_of_column.py` and `distinct.py` count.
`models.py` is what goes in and what comes out.
"""

from task_system.task_types.data_processing.handler import data_processing
from task_system.task_types.data_processing.models import DataParameters, TableStatistics, TextStatistics

__all__ = ["DataParameters", "TableStatistics", "TextStatistics", "data_processing"]
