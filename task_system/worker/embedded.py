"""A Celery worker in a thread of this process, for the embedded mode."""

import secrets
import threading

from celery import Celery
from celery._state import _set_task_join_will_block
from celery.worker import state

from task_system.broker import memory
from task_system.worker.threads_pool import ThreadsPool

#: After the grace: time for Celery's own clearing up, in seconds.
STOP_S = 10.0


class EmbeddedWorker:
    """All lanes, threads for slots. Celery's worker wants the main thread only for its signal handlers."""

    def __init__(self, app: Celery, *, slots: int) -> None:
        # Pool threads find their app by these.
        app.finalize()
        app.set_default()
        self._ready = threading.Event()
        self._controller = app.WorkController(
            hostname=f"embedded.{secrets.token_hex(3)}@localhost",
            pool=ThreadsPool,
            concurrency=slots,
            ready_callback=lambda _consumer: self._ready.set(),
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        _set_task_join_will_block(False)
        self._thread = threading.Thread(target=self._controller.start, name="worker", daemon=True)

    def start(self) -> None:
        """Start, and wait until it takes tasks."""
        state.should_stop = None
        self._thread.start()
        if not self._ready.wait(STOP_S):
            raise RuntimeError("the embedded worker did not start; the log says why")

    def stop(self, grace_s: float) -> None:
        """Stop taking tasks, let those that run finish within the grace."""
        state.should_stop = 0
        memory.wake()
        self._thread.join(grace_s + STOP_S)
