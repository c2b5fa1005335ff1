"""Everything in one process."""

from typing import cast

from flask import Flask

from task_system.api.services import Services
from task_system.settings import Settings
from task_system.store.migrate import upgrade
from task_system.wiring.keeper import keeper_of
from task_system.wiring.parts import Parts
from task_system.wiring.web import assemble
from task_system.wiring.worker import celery_of
from task_system.worker.embedded import EmbeddedWorker


class Embedded:
    """The whole service in this process: API, worker threads, keeper; SQLite and an in-memory broker."""

    def __init__(self, settings: Settings) -> None:
        self._parts = Parts(settings)
        self._celery = celery_of(self._parts)
        self._worker = EmbeddedWorker(self._celery, slots=settings.worker_concurrency)
        self._keeper = keeper_of(self._parts)

    def start(self) -> Flask:
        """Bring the database up to date, start worker and keeper; answers the app to serve."""
        upgrade(self._parts.database)
        self._dispatch_anew()
        app = assemble(self._parts)
        self._broadcast = cast("Services", app.extensions["task_system"]).broadcast
        self._worker.start()
        self._keeper.start()
        return app

    def _dispatch_anew(self) -> None:
        """This process's broker is empty: what the last one's held is not lost and found by the reconciler first."""
        upkeep = self._parts.upkeep
        for queue in upkeep.published_queues(0.0):
            while upkeep.dispatch_anew(queue, 0.0, 1000):
                pass

    def end_streams(self) -> None:
        """Let go of those who listen, for the server waits for the threads that answer them."""
        self._broadcast.stop()

    def stop(self) -> None:
        """Finish what runs within the grace, hand back the rest."""
        self._parts.dispatcher.stop()
        self._worker.stop(self._parts.settings.worker_grace_s)
        self._keeper.stop()
        self._parts.database.close()
        self._parts.background_database.close()
