"""`python -m task_system` is `taskq`."""

from task_system.cli import main

main()
