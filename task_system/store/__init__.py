"""The truth: one row a task, in PostgreSQL or SQLite. One conditional UPDATE a change of state; the database's time.

One file per who asks: `submissions` (the API), `leases` (workers), `upkeep` (the keeper), `reading` (everybody),
`workers` (who is alive). Connections and transactions stay in here: nothing of SQLAlchemy leaks upward.
"""

from task_system.store.database import Database

__all__ = ["Database"]
