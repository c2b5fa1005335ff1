"""`data_processing`: the statistics of a text, of numbers, of records or of CSV.

`handler.py` finds out what was sent and goes through it; `columns.py` and `words.py` count; `models.py` is what goes in
and what comes out.
"""

from task_system.task_types.data_processing.handler import data_processing
from task_system.task_types.data_processing.models import DataParameters, TableStatistics, TextStatistics

__all__ = ["DataParameters", "TableStatistics", "TextStatistics", "data_processing"]
