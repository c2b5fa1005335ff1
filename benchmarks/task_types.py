"""Task types that cost next to nothing, so that a measurement shows the service and not the task.

Named to the service by `TASK_MODULES=benchmarks.task_types`.
"""

import time

from pydantic import BaseModel, ConfigDict

from task_system import Context, task_type


class Nothing(BaseModel):
    """No parameters."""

    model_config = ConfigDict(extra="forbid")


@task_type("noop")
def noop(_ctx: Context, _parameters: Nothing) -> None:
    """Do nothing: what is left is the price of running a task."""


@task_type("sleep_50ms")
def sleep_50ms(_ctx: Context, _parameters: Nothing) -> None:
    """Wait for something else, as most tasks do."""
    time.sleep(0.05)
