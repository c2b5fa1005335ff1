"""`schedule`: a rule that submits tasks of a type, declared beside it."""

from datetime import UTC, datetime
from typing import Any

from task_system.model.errors import DeclarationError, UnknownTaskType
from task_system.model.routing import Priority
from task_system.model.schedule import CatchUp, Overlap, ScheduleSpec, findings
from task_system.registry.registry import Registry, default_registry


def schedule(
    name: str,
    task_type: str,
    *,
    cron: str | None = None,
    every_s: float | None = None,
    parameters: dict[str, Any] | None = None,
    priority: str = "normal",
    timezone: str = "UTC",
    jitter_s: float = 0.0,
    overlap: str = "allow",
    catch_up: str = "none",
    catch_up_max: int = 100,
    pause_after_failures: int | None = None,
    registry: Registry = default_registry,
) -> None:
    """Declare a schedule. Keepers keep it as it stands here; over HTTP it can be paused, and not changed.

    name: unique among all schedules.
    task_type, parameters, priority: what is submitted at each tick.
    cron: five fields, or six with a second first, or `@daily` and its like, by the clock of `timezone`.
    every_s: instead of `cron`, seconds from tick to tick.
    jitter_s: each task waits a random time of up to so many seconds.
    overlap: while the task of an earlier tick is not over, `allow` another, `skip` the tick, or `cancel_other`.
    catch_up: which ticks are made up for that were missed because no keeper ran: `none`, the `last`, or `all`, up to
        the last `catch_up_max`.
    pause_after_failures: so many failed tasks in a row pause it.

    Its task type is declared before it. Raises DeclarationError, at import, for anything that could not work later.
    """
    try:
        spec = ScheduleSpec(
            name=name,
            task_type=task_type,
            parameters=parameters or {},
            priority=Priority(priority),
            cron=cron,
            every_s=every_s,
            timezone=timezone,
            jitter_s=jitter_s,
            overlap=Overlap(overlap),
            catch_up=CatchUp(catch_up),
            catch_up_max=catch_up_max,
            pause_after_failures=pause_after_failures,
        )
        registry.get(task_type).parameters.model_validate(spec.parameters)
    except (ValueError, UnknownTaskType) as error:
        raise DeclarationError(f"Schedule {name!r}: {error}") from None
    if wrong := findings(spec, datetime.now(UTC)):
        said = "; ".join(f"{finding['path']}: {finding['message']}" for finding in wrong)
        raise DeclarationError(f"Schedule {name!r}: {said}.")
    registry.schedules[name] = spec
