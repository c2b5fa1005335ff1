"""Celery's consumer without its delayed delivery: nothing of ours waits in the broker, so it needs no queues."""

from celery.worker.consumer import Consumer

_DELAYED = "celery.worker.consumer.delayed_delivery:DelayedDelivery"


class TaskConsumer(Consumer):
    """Named in `worker_consumer`."""

    class Blueprint(Consumer.Blueprint):
        """Celery's steps but one."""

        default_steps = [step for step in Consumer.Blueprint.default_steps if step != _DELAYED]
