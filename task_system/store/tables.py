"""The tables, as today's code sees them. Migrations make them; a test holds both against each other."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from task_system.model.states import LIVE, WAITING, State
from task_system.model.tally import ACCOUNTS, COUNTS
from task_system.store.types import Json, TransactionId, UtcDateTime

metadata = MetaData()


def _states(states: frozenset[str]) -> str:
    return ", ".join(f"'{state}'" for state in sorted(states))


tasks = Table(
    "tasks",
    metadata,
    Column("id", Uuid(), nullable=False),
    Column("namespace", String(64), nullable=False, server_default="default"),
    Column("task_type", String(64), nullable=False),
    Column("queue", String(128), nullable=False),
    Column("priority", String(8), nullable=False),
    Column("state", String(10), nullable=False, server_default="PENDING"),
    Column("parameters", Json, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("timeout_s", Float, nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    # Not started before.
    Column("run_at", UtcDateTime(), nullable=False),
    # Which dispatch is the current one: a message with another number is an old copy.
    Column("dispatch_no", Integer, nullable=False, server_default="1"),
    # When the relay should publish it (again); NULL: nothing to do.
    Column("relay_at", UtcDateTime()),
    # When the broker, or a worker, was last known to hold the current dispatch's message.
    Column("published_at", UtcDateTime()),
    # Starts so far; those that a snooze or a hand-back gave back; those that ended in a lost lease.
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("uncharged_attempts", Integer, nullable=False, server_default="0"),
    Column("lost_leases", Integer, nullable=False, server_default="0"),
    Column("lease_token", Uuid()),
    Column("lease_until", UtcDateTime()),
    Column("worker", String(255)),
    Column("started_at", UtcDateTime()),
    Column("finished_at", UtcDateTime()),
    Column("cancel_requested_at", UtcDateTime()),
    Column("progress_percent", Float),
    Column("progress_message", Text),
    Column("progress_fields", Json),
    # JSON text: never searched, so never parsed.
    Column("result", Text),
    Column("error_type", Text),
    Column("error_message", Text),
    Column("error_traceback", Text),
    # What only some tasks have. NULL costs nothing, here and in the partial indexes.
    Column("tags", Json),
    Column("metadata", Json),
    # Not started by then: never run.
    Column("expires_at", UtcDateTime()),
    # The task that this one runs again by hand, and the one that does so for this.
    Column("retry_of", Uuid()),
    Column("retried_as", Uuid()),
    Column("batch_id", Uuid()),
    Column("schedule_id", Uuid()),
    Column("cancel_reason", Text),
    # Of a FAILURE: the fingerprint that it shares with those that are the same.
    Column("failure", String(16)),
    # When the running attempt last said how far it is.
    Column("progress_at", UtcDateTime()),
    PrimaryKeyConstraint("id", name="tasks_pkey"),
    CheckConstraint("(state = 'STARTED') = (lease_token IS NOT NULL)", name="tasks_started_has_lease"),
    CheckConstraint(f"(finished_at IS NULL) = (state IN ({_states(LIVE)}))", name="tasks_finished_is_terminal"),
    postgresql_partition_by="RANGE (id)",
)

Index(
    "tasks_relay",
    tasks.c.priority,
    tasks.c.relay_at,
    postgresql_where=text("relay_at IS NOT NULL"),
    sqlite_where=text("relay_at IS NOT NULL"),
)
Index(
    "tasks_lease",
    tasks.c.lease_until,
    postgresql_where=text("state = 'STARTED'"),
    sqlite_where=text("state = 'STARTED'"),
)
#: The same.
PUBLISHED = f"state IN ({_states(WAITING)}) AND published_at IS NOT NULL"
Index(
    "tasks_published",
    tasks.c.queue,
    tasks.c.state,
    tasks.c.id,
    tasks.c.published_at,
    postgresql_where=text(PUBLISHED),
    sqlite_where=text(PUBLISHED),
)

_expiring = f"state IN ({_states(WAITING)}) AND expires_at IS NOT NULL"
Index("tasks_expiry", tasks.c.expires_at, postgresql_where=text(_expiring), sqlite_where=text(_expiring))
_cancelling = "state = 'STARTED' AND cancel_requested_at IS NOT NULL"
Index("tasks_cancelling", tasks.c.worker, postgresql_where=text(_cancelling), sqlite_where=text(_cancelling))

# What waits behind what operators close: neither the relay's nor the broker's, so that nobody need look at it.
#: The condition of the index of that name, for statements that are to use it: SQLite compares texts.
PARKED = f"state IN ({_states(WAITING)}) AND relay_at IS NULL AND published_at IS NULL"
Index(
    "tasks_parked",
    tasks.c.queue,
    tasks.c.task_type,
    postgresql_where=text(PARKED),
    sqlite_where=text(PARKED),
)

# For lists, in the order of ids. A task that is run at once and succeeds is in none of them but the one by type, and in
# that only when it is over. While it waits it is in the index of what is published, whose order within a queue and a
# state is that of ids.
_unsuccessful = f"state IN ({_states(frozenset(State) - {State.PENDING, State.STARTED, State.SUCCESS})})"
_not_due_or_parked = "state = 'PENDING' AND published_at IS NULL AND (run_at > created_at OR relay_at IS NULL)"
LISTED_STATES = f"({_unsuccessful} OR {_not_due_or_parked})"
Index("tasks_state", tasks.c.state, tasks.c.id, postgresql_where=text(LISTED_STATES), sqlite_where=text(LISTED_STATES))
TYPED = f"(finished_at IS NOT NULL OR run_at > created_at OR {PARKED})"
Index("tasks_type", tasks.c.task_type, tasks.c.id, postgresql_where=text(TYPED)).ddl_if(dialect="postgresql")
_with_error = "error_type IS NOT NULL"
Index("tasks_error", tasks.c.id, postgresql_where=text(_with_error), sqlite_where=text(_with_error))
_failed = "failure IS NOT NULL"
Index("tasks_failure", tasks.c.failure, tasks.c.id, postgresql_where=text(_failed), sqlite_where=text(_failed))
Index(
    "tasks_failures",
    tasks.c.failure,
    tasks.c.finished_at,
    tasks.c.retried_as,
    postgresql_where=text(_failed),
    sqlite_where=text(_failed),
)
_of_batch = "batch_id IS NOT NULL"
Index("tasks_batch", tasks.c.batch_id, tasks.c.id, postgresql_where=text(_of_batch), sqlite_where=text(_of_batch))
_live_of_batch = "batch_id IS NOT NULL AND finished_at IS NULL"
Index("tasks_batch_live", tasks.c.batch_id, postgresql_where=text(_live_of_batch), sqlite_where=text(_live_of_batch))
_of_schedule = "schedule_id IS NOT NULL"
Index(
    "tasks_schedule",
    tasks.c.schedule_id,
    tasks.c.id,
    postgresql_where=text(_of_schedule),
    sqlite_where=text(_of_schedule),
)
Index(
    "tasks_tags",
    tasks.c.tags,
    postgresql_using="gin",
    postgresql_ops={"tags": "jsonb_path_ops"},
    postgresql_where=text("tags IS NOT NULL"),
).ddl_if(dialect="postgresql")
Index("tasks_tagged", tasks.c.id, sqlite_where=text("tags IS NOT NULL")).ddl_if(dialect="sqlite")

#: The attempts that did not end in success; one that did is the task row itself.
attempts = Table(
    "attempts",
    metadata,
    Column("task_id", Uuid(), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("worker", String(255)),
    Column("started_at", UtcDateTime()),
    Column("finished_at", UtcDateTime(), nullable=False),
    Column("error_type", Text),
    Column("error_message", Text),
    Column("error_traceback", Text),
    PrimaryKeyConstraint("task_id", "attempt", name="attempts_pkey"),
    postgresql_partition_by="RANGE (task_id)",
)

#: The condition of the index of that name.
LOST = "outcome = 'lost'"
Index("attempts_lost", attempts.c.worker, postgresql_where=text(LOST), sqlite_where=text(LOST))

#: What handlers logged, in parts. A part that came after others had to go says how many lines went with them.
task_logs = Table(
    "task_logs",
    metadata,
    Column("task_id", Uuid(), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("part", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    Column("dropped", Integer, nullable=False),
    # JSON text: [seconds since 1970, level, logger, message] each.
    Column("lines", Text, nullable=False),
    PrimaryKeyConstraint("task_id", "attempt", "part", name="task_logs_pkey"),
    postgresql_partition_by="RANGE (task_id)",
)

#: Who is alive.
workers = Table(
    "workers",
    metadata,
    Column("name", String(255), nullable=False),
    # `worker` or `keeper`.
    Column("role", String(16), nullable=False),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", String(32), nullable=False),
    Column("pool", String(16)),
    Column("slots", Integer),
    # Messages of one queue that it may hold before it starts their tasks.
    Column("prefetch", Integer),
    Column("lanes", Json, nullable=False),
    Column("running", Integer, nullable=False, server_default="0"),
    Column("started_at", UtcDateTime(), nullable=False),
    Column("heartbeat_at", UtcDateTime(), nullable=False),
    # Of the process and those of its pool.
    Column("rss_mb", Float),
    PrimaryKeyConstraint("name", name="workers_pkey"),
)

#: Rights to be the only one in a role that must be single.
leaders = Table(
    "leaders",
    metadata,
    Column("role", String(32), nullable=False),
    Column("holder", String(255), nullable=False),
    Column("until", UtcDateTime(), nullable=False),
    PrimaryKeyConstraint("role", name="leaders_pkey"),
)

#: What is submitted only once, until a time.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("namespace", String(64), nullable=False),
    Column("key", String(300), nullable=False),
    # Of what was submitted, where the same key may not come with anything else.
    Column("fingerprint", String(64)),
    Column("task_id", Uuid(), nullable=False),
    Column("expires_at", UtcDateTime(), nullable=False),
    PrimaryKeyConstraint("namespace", "key", name="idempotency_keys_pkey"),
)
Index("idempotency_keys_expiry", idempotency_keys.c.expires_at)

#: Tasks that were submitted together.
batches = Table(
    "batches",
    metadata,
    Column("id", Uuid(), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    # Tasks that were accepted.
    Column("total", Integer, nullable=False),
    # More of it may come until then; NULL: all of it is there.
    Column("open_until", UtcDateTime()),
    # What is to be submitted when all are over, and what became of that.
    Column("callback", Json),
    Column("callback_task_id", Uuid()),
    Column("callback_error", Text),
    # When all were over, and in which states they ended.
    Column("finished_at", UtcDateTime()),
    Column("counts", Json),
    PrimaryKeyConstraint("id", name="batches_pkey"),
)
_unfinished = "finished_at IS NULL"
Index("batches_unfinished", batches.c.id, postgresql_where=text(_unfinished), sqlite_where=text(_unfinished))

#: Acts on everything that a filter matched.
bulks = Table(
    "bulks",
    metadata,
    # Tasks with greater ids came later, and are not meant.
    Column("id", Uuid(), nullable=False),
    Column("action", String(8), nullable=False),
    # As it was sent; its ages count from `created_at`.
    Column("filter", Json, nullable=False),
    Column("reason", Text),
    Column("state", String(8), nullable=False),
    # While freezing: tasks from this id on have been looked at.
    Column("frozen_to", Uuid(), nullable=False),
    Column("matching", Integer, nullable=False, server_default="0"),
    Column("succeeded", Integer, nullable=False, server_default="0"),
    Column("skipped", Integer, nullable=False, server_default="0"),
    Column("failed", Integer, nullable=False, server_default="0"),
    # The first ones.
    Column("errors", Json, nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("finished_at", UtcDateTime()),
    # When it last had its turn.
    Column("turn_at", UtcDateTime(), nullable=False),
    PrimaryKeyConstraint("id", name="bulks_pkey"),
)
_at_work = "finished_at IS NULL"
Index("bulks_at_work", bulks.c.turn_at, postgresql_where=text(_at_work), sqlite_where=text(_at_work))

#: What is still to be acted on; an item goes in the transaction that acts on its task.
bulk_items = Table(
    "bulk_items",
    metadata,
    Column("bulk_id", Uuid(), nullable=False),
    Column("task_id", Uuid(), nullable=False),
    PrimaryKeyConstraint("bulk_id", "task_id", name="bulk_items_pkey"),
)

#: Rules that submit tasks.
schedules = Table(
    "schedules",
    metadata,
    Column("id", Uuid(), nullable=False),
    Column("name", String(128), nullable=False),
    Column("task_type", String(64), nullable=False),
    Column("parameters", Json, nullable=False),
    Column("priority", String(8), nullable=False),
    Column("cron", String(200)),
    Column("every_s", Float),
    Column("timezone", String(64), nullable=False),
    Column("jitter_s", Float, nullable=False),
    Column("starts_at", UtcDateTime()),
    Column("ends_at", UtcDateTime()),
    Column("overlap", String(16), nullable=False),
    Column("catch_up", String(8), nullable=False),
    Column("catch_up_max", Integer, nullable=False),
    Column("pause_after_failures", Integer),
    # Failures before do not count: it was resumed then.
    Column("failures_since", UtcDateTime(), nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("pause_reason", Text),
    # Declared in code, beside its task type.
    Column("declared", Boolean, nullable=False),
    # The first tick that was not dealt with; NULL: none will come, or it is paused.
    Column("next_fire_at", UtcDateTime()),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("updated_at", UtcDateTime(), nullable=False),
    PrimaryKeyConstraint("id", name="schedules_pkey"),
    UniqueConstraint("name", name="schedules_name"),
)
_to_fire = "next_fire_at IS NOT NULL"
Index("schedules_due", schedules.c.next_fire_at, postgresql_where=text(_to_fire), sqlite_where=text(_to_fire))

#: What became of each tick. Whoever writes a tick's row submits its task, in the same transaction.
schedule_ticks = Table(
    "schedule_ticks",
    metadata,
    Column("schedule_id", Uuid(), nullable=False),
    Column("fire_at", UtcDateTime(), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("task_id", Uuid()),
    Column("detail", Text),
    Column("settled_at", UtcDateTime(), nullable=False),
    PrimaryKeyConstraint("schedule_id", "fire_at", name="schedule_ticks_pkey"),
)

#: Queues that stand still. A pause whose time is over counts no longer, row or not.
queue_controls = Table(
    "queue_controls",
    metadata,
    Column("queue", String(128), nullable=False),
    Column("until", UtcDateTime()),
    Column("reason", Text),
    Column("since", UtcDateTime(), nullable=False),
    PrimaryKeyConstraint("queue", name="queue_controls_pkey"),
)

#: Task types that are held (`hold`: accepted, not started) or refused (`refuse`: not accepted).
task_type_controls = Table(
    "task_type_controls",
    metadata,
    Column("task_type", String(64), nullable=False),
    Column("control", String(8), nullable=False),
    Column("reason", Text),
    Column("since", UtcDateTime(), nullable=False),
    PrimaryKeyConstraint("task_type", name="task_type_controls_pkey"),
)

#: What is known of each blob. A file that a task made counts once that very attempt has succeeded; none is promoted.
files = Table(
    "files",
    metadata,
    Column("id", Uuid(), nullable=False),
    Column("namespace", String(64), nullable=False, server_default="default"),
    # `file`, or `result`: a task's large result, which is no column of its row.
    Column("kind", String(8), nullable=False),
    Column("name", String(255), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("content_type", String(127), nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    # NULL: as long as its task.
    Column("expires_at", UtcDateTime()),
    # Which attempt of which task made it; NULL: it was uploaded.
    Column("task_id", Uuid()),
    Column("attempt", Integer),
    PrimaryKeyConstraint("id", name="files_pkey"),
    CheckConstraint("(task_id IS NULL) = (attempt IS NULL)", name="files_made_by_an_attempt"),
)
_of_task = "task_id IS NOT NULL"
Index("files_task", files.c.task_id, files.c.id, postgresql_where=text(_of_task), sqlite_where=text(_of_task))
_to_expire = "expires_at IS NOT NULL"
Index("files_expiry", files.c.expires_at, postgresql_where=text(_to_expire), sqlite_where=text(_to_expire))
_listed = "kind = 'file'"
Index("files_listed", files.c.id, postgresql_where=text(_listed), sqlite_where=text(_listed))

#: What became of tasks, by transaction: see `event_log.py`.
event_batches = Table(
    "event_batches",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), autoincrement=True, nullable=False),
    # PostgreSQL's number of the transaction.
    Column("xid", TransactionId().with_variant(Integer, "sqlite")),
    Column("at", UtcDateTime(), nullable=False),
    # JSON text.
    Column("events", Text, nullable=False),
    PrimaryKeyConstraint("id", name="event_batches_pkey"),
    # A number is not given out again when its row is gone: cursors lean on that.
    sqlite_autoincrement=True,
)
Index("event_batches_xid", event_batches.c.xid).ddl_if(dialect="postgresql")
#: What the event log added up to, by steps of time: counts, and histograms of durations as JSON (bucket: count).
rollups = Table(
    "rollups",
    metadata,
    Column("step_s", Integer, nullable=False),
    Column("at", UtcDateTime(), nullable=False),
    Column("task_type", String(64), nullable=False),
    Column("queue", String(128), nullable=False),
    *(Column(name, Integer, nullable=False) for name in COUNTS),
    Column("wait_ms", Text, nullable=False),
    Column("run_ms", Text, nullable=False),
    PrimaryKeyConstraint("step_s", "at", "task_type", "queue", name="rollups_pkey"),
)

#: What became of the tasks that were accepted in each minute; the others are live.
ledger = Table(
    "ledger",
    metadata,
    Column("minute", UtcDateTime(), nullable=False),
    *(Column(name, Integer, nullable=False) for name in ACCOUNTS),
    PrimaryKeyConstraint("minute", name="ledger_pkey"),
)

#: How far into the event log those two have come (one row), and from when on they know everything.
books = Table(
    "books",
    metadata,
    Column("id", Integer, nullable=False),
    Column("cursor", Text, nullable=False),
    Column("as_of", UtcDateTime(), nullable=False),
    Column("since", UtcDateTime(), nullable=False),
    PrimaryKeyConstraint("id", name="books_pkey"),
)
