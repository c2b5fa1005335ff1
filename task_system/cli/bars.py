"""How far something is, drawn while it goes on."""

from rich.progress import Progress, ProgressColumn

from task_system.cli.output import console


def bar_of(*columns: ProgressColumn) -> Progress:
    """On standard error, and gone at the end; nothing where no terminal shows it."""
    where = console(stderr=True)
    return Progress(*columns, console=where, transient=True, disable=not where.is_terminal)
