"""The message: Celery's protocol 2 with a bare reference inside.

Flower and `celery inspect` read the type's name and a short representation from the headers; workers read `id` and
`dispatch_no`. The body is the same for every task. (Protocol: docs.celeryq.dev, "Message Protocol", version 2.)
"""

import os
import socket
from typing import Any
from uuid import UUID

from kombu import Message

from task_system.model.task import Dispatch

BODY = b'[[], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'
CONTENT_TYPE = "application/json"
CONTENT_ENCODING = "utf-8"
_ORIGIN = f"task-system@{socket.gethostname()}"


def headers_of(dispatch: Dispatch) -> dict[str, Any]:
    """The headers of a dispatch's message."""
    task_id = str(dispatch.task_id)
    return {
        "lang": "py",
        "task": dispatch.task_type,
        "id": task_id,
        "root_id": task_id,
        "parent_id": None,
        "group": None,
        "argsrepr": f"dispatch {dispatch.dispatch_no}",
        "kwargsrepr": "{}",
        "origin": f"{_ORIGIN}.{os.getpid()}",
        "dispatch_no": dispatch.dispatch_no,
    }


def reference_of(message: Message) -> tuple[UUID, int]:
    """Which dispatch of which task a message is about. Raises ValueError for a message that is not ours."""
    headers = message.headers or {}
    try:
        dispatch_no = headers["dispatch_no"]
        if type(dispatch_no) is not int or not 0 < dispatch_no < 2**31:
            raise ValueError("its dispatch_no is no positive number")
        return UUID(headers["id"]), dispatch_no
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it lacks a usable {error}") from error
