"""The built-in task types. Each module is self-contained and sees only the public surface, `task_system`."""
