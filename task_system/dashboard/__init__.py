"""The dashboard: a page for people. It knows nothing but what /api tells every other program."""

from task_system.dashboard.pages import bp, shell

__all__ = ["bp", "shell"]
