"""The task type. What it does is in `work.py`, which workers alone load.

That keeps an HTTP client out of the memory of those who only accept tasks.
"""

from task_system import Context, RetryPolicy, task_type
from task_system.task_types.http_request.models import HttpAnswer, HttpParameters


@task_type(
    "http_request",
    # over some two hours: what is overloaded wants minutes, what is broken is mended in hours
    retry=RetryPolicy(max_attempts=12, base_s=5, cap_s=1800, not_for=(ValueError, TypeError, LookupError)),
    timeout_s=360,
)
def http_request(ctx: Context, parameters: HttpParameters) -> HttpAnswer:
    """Sends an HTTP request to a public address and answers what came back.

    Answers that may be others later (5xx, 408, 425, 429) and connections that fail are tried again, after what
    `Retry-After` says if that is there; other statuses that are not expected are not. Addresses that are not public
    are refused, unless the service's operator allowed them.
    """
    from task_system.task_types.http_request.work import ask  # noqa: PLC0415 - for workers alone, see above

    return ask(ctx, parameters)
