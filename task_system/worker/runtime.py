"""What attempts need in the process that runs them. Set once, before the pool forks: a pipe carries no objects."""

from dataclasses import dataclass, field
from pathlib import Path

from task_system.dispatch.filing import Filing
from task_system.registry import Registry
from task_system.store import Database
from task_system.store.leases import Leases
from task_system.worker.context import WorkerContext
from task_system.worker.job import Job
from task_system.worker.task_log import TaskLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """One per process."""

    registry: Registry
    database: Database
    leases: Leases
    data_dir: Path
    filing: Filing
    task_log: TaskLog
    #: What `ctx.resource` gives, by class.
    resources: dict[type, object] = field(default_factory=dict)

    def context(self, job: Job) -> WorkerContext:
        """The context of an attempt."""
        return WorkerContext(
            task_id=job.task_id,
            task_type=job.task_type,
            attempt=job.attempt,
            max_attempts=job.max_attempts,
            lease_token=job.lease_token,
            data_dir=self.data_dir,
            leases=self.leases,
            resources=self.resources,
            filing=self.filing,
        )


_current: Runtime | None = None


def set_runtime(current: Runtime) -> None:
    """Make this what attempts in this process, and in those forked from it, run with."""
    global _current  # noqa: PLW0603 - see the module's docstring
    _current = current


def runtime() -> Runtime:
    """This process's. Raises RuntimeError where none was set."""
    if _current is None:
        raise RuntimeError("set_runtime() was not called in this process")
    return _current
