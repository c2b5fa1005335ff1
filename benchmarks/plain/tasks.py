"""The peer's Celery app: JSON, a quorum queue, results in Redis, a no-op task and one of 50 ms.

README.md says why each setting that is not Celery's default was chosen. `PLAIN_CONFIRM=0` and `PLAIN_ACKS_LATE=1` make
the variants that are shown beside it for reference.
"""

import os
import time

from celery import Celery

app = Celery("plain", broker=os.environ["BROKER_URL"], backend=os.environ["REDIS_URL"])
app.conf.update(
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    timezone="UTC",
    enable_utc=True,
    task_default_queue="plain",
    task_default_queue_type="quorum",
    task_default_exchange_type="topic",
    broker_transport_options={"confirm_publish": os.environ.get("PLAIN_CONFIRM", "1") == "1"},
    broker_pool_limit=int(os.environ.get("PLAIN_POOL_LIMIT", "10")),
    broker_connection_retry_on_startup=True,
    task_acks_late=os.environ.get("PLAIN_ACKS_LATE", "0") == "1",
    worker_prefetch_multiplier=int(os.environ.get("PLAIN_PREFETCH", "4")),
)


@app.task(name="plain.noop")
def noop() -> None:
    """Do nothing: what is left is the price of running a task."""


@app.task(name="plain.sleep_50ms")
def sleep_50ms() -> None:
    """Wait for something else, as most tasks do."""
    time.sleep(0.05)
