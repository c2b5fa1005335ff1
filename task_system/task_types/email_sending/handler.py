"""The task type. What it does is in `work.py`, which workers alone load.

That keeps the mail client out of the memory of those who only accept tasks.
"""

from task_system import Context, RetryPolicy, task_type
from task_system.task_types.email_sending.models import EmailParameters, EmailSent


@task_type(
    "email_sending",
    lane="email_sending",
    # over some two hours: servers that greylist want minutes, broken ones are mended in hours
    retry=RetryPolicy(max_attempts=12, base_s=10, cap_s=1800, not_for=(ValueError, TypeError, LookupError)),
    # thousands of recipients at a polite rate; one message takes seconds
    timeout_s=7200,
    example={"to": "user@example.com", "subject": "Hello", "text": "It works."},
)
def email_sending(ctx: Context, parameters: EmailParameters) -> EmailSent:
    """Sends a message by SMTP; without a mail server it writes the message into the data folder's `outbox/`.

    Temporary answers (4xx) and connections that fail are tried again, permanent ones (5xx) are not. Where the server
    takes the message for some recipients and not for others, the task succeeds and its result lists both: those who
    were refused temporarily are not tried again, because the others would get the message twice.

    Messages that go `individually` are known one by one: a repeated attempt sends to those who were not done, and to
    nobody twice, save the one whose message was on its way when the process died.
    """
    from task_system.task_types.email_sending.work import deliver  # noqa: PLC0415 - for workers alone, see above

    return deliver(ctx, parameters)
