"""Running tasks: a Celery worker whose messages are wake-up calls.

Celery brings the connection, the pool of processes, remote control and events. What is ours: which reserved task gets
the next free slot (`line`), the claim and the record (`recorder`), the attempt itself (`execute`), and who tells whom
(`foreman`).

    reserve ─▶ claim ─▶ ack ─▶ perform ─▶ record ─▶ announce
"""
