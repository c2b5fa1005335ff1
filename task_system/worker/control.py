"""Celery's remote control, with a queue that nobody else can hold."""

from uuid import uuid4

import celery.app.control
from kombu import Queue
from kombu.pidbox import Mailbox


class OwnQueues(Mailbox):
    """A queue for each connection, where Celery's has the worker's name.

    It is exclusive: after a node of RabbitMQ died, or before it has noticed that a connection did, one of the same name
    is locked or nowhere, and a worker without it does not begin to consume. Commands find a worker by what is in them.
    """

    def get_queue(self, hostname: str) -> Queue:
        return super().get_queue(f"{hostname}.{uuid4().hex[:12]}")


class Control(celery.app.control.Control):
    """Named by the app."""

    Mailbox = OwnQueues
