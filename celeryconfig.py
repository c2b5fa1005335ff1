"""Every Celery setting, with its reason. Data only: `celery -A tasks …` and our workers read the same."""

from task_system.broker.topology import QUEUES
from task_system.settings import Settings

_settings = Settings()

broker_url = _settings.broker
# Only where AMQP is: the embedded broker lives in this process and is woken, not polled.
broker_transport = "task_system.broker.memory:Transport" if _settings.embedded else None
broker_transport_options = (
    {} if _settings.embedded else {"client_properties": {"connection_name": "task-system worker"}}
)
# A worker starts before its broker and outlives its restarts.
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
# A consumer that RabbitMQ closed is no reason to exit.
broker_channel_error_retry = True
# A dead peer is noticed, and its exclusive queues freed, within two of these.
broker_heartbeat = 20
broker_connection_timeout = 4

# Queues come from one place, and never from a message or a caller.
task_queues = QUEUES
task_default_queue = "default.normal"
task_default_exchange = "tasks"
task_default_exchange_type = "direct"
task_default_routing_key = "default.normal"
task_create_missing_queues = False
# Nothing is delayed in the broker, rows are: Celery's consumer without that part.
worker_consumer = "task_system.worker.consumer:TaskConsumer"

# JSON only: nothing that arrives can be code.
task_serializer = "json"
result_serializer = "json"
event_serializer = "json"
accept_content = ["json"]
result_accept_content = ["json"]

# For clients: `AsyncResult(task_id)` reads what workers copy to Redis. Workers themselves write through no backend.
result_backend = _settings.redis_url.get_secret_value() or "disabled://"
result_expires = _settings.result_expires_s
task_ignore_result = True

# For each slot and queue. What waits here cannot go to an idle worker.
worker_prefetch_multiplier = _settings.worker_prefetch
worker_concurrency = _settings.worker_concurrency
worker_pool = "prefork" if _settings.worker_pool == "prefork" else "task_system.worker.threads_pool:ThreadsPool"
worker_max_tasks_per_child = _settings.worker_max_tasks_per_child if _settings.worker_pool == "prefork" else None
# How long a dead child's last answer is waited for before its lease is ended.
worker_lost_wait = 0.5
worker_disable_rate_limits = True
# Meaningless where each queue has its own prefetch.
worker_enable_prefetch_count_reduction = False
# Our messages are acknowledged once claimed; nothing runs twice because a connection broke.
worker_cancel_long_running_tasks_on_connection_loss = False
worker_enable_remote_control = not _settings.embedded
worker_send_task_events = _settings.worker_events and not _settings.embedded
worker_hijack_root_logger = False
worker_redirect_stdouts = False
# RabbitMQ 4.3 refuses the transient queues that Celery used to make.
control_queue_exclusive = True
event_queue_exclusive = True

enable_utc = True
timezone = "UTC"
