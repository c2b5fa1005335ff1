"""`http_request`: one request to another service, from inside the operator's network but not into it.

`handler.py` is the task type; `policy.py` says where requests may go; `addresses.py` tells public addresses from
others; `network.py` connects to what was checked, in the time that there is; `redirects.py` sends, and follows where
asked to; `answers.py` judges and reads what comes back; `models.py` is what goes in and what comes out.
"""

from task_system.task_types.http_request.handler import http_request
from task_system.task_types.http_request.models import HttpAnswer, HttpParameters
from task_system.task_types.http_request.policy import HttpPolicy

__all__ = ["HttpAnswer", "HttpParameters", "HttpPolicy", "http_request"]
