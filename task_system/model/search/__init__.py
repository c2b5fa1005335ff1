"""The grammar of `q`: a line of text that says which tasks, shared by API, dashboard and command line.

    state:failure,retry type:csv* tag:nightly -tag:test error:timeout created:>2h duration:>30s parameters.user.id:42

Pure: text to tokens (`tokens`), tokens to a typed expression (`parser`, `values`); the store turns that into SQL.
"""

from task_system.model.search.expression import Expression
from task_system.model.search.parser import parse
from task_system.model.search.tokens import SearchError

__all__ = ["Expression", "SearchError", "parse"]
