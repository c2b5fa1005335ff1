"""The commands. Each reads the settings, asks `wiring` for parts, and runs them."""

from task_system.cli.main import main

__all__ = ["main"]
