"""Messages to RabbitMQ that the service did not send."""

from typing import Any

import kombu

from tests.chaos.harness.system import System

_BODY = b'[[], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'


def headers(task_id: str, dispatch_no: int = 1, task: str = "test_witnessed") -> dict[str, Any]:
    """Those of one of ours."""
    return {"lang": "py", "task": task, "id": task_id, "root_id": task_id, "dispatch_no": dispatch_no}


def publish(
    system: System,
    messages: list[dict[str, Any]],
    *,
    exchange: str = "tasks",
    routing_key: str = "default.normal",
) -> None:
    """Publish messages of a `body`, `headers`, `content_type` and `content_encoding`, each as ours where missing."""
    with kombu.Connection(system.servers.rabbitmq.url) as connection, connection.channel() as channel:
        for message in messages:
            prepared = channel.prepare_message(
                message.get("body", _BODY),
                content_type=message.get("content_type", "application/json"),
                content_encoding=message.get("content_encoding", "utf-8"),
                headers=message.get("headers"),
                properties={"delivery_mode": 2},
            )
            channel.basic_publish(prepared, exchange=exchange, routing_key=routing_key)
