"""The task type: build the message, hand it to the mail server or to the outbox, say what became of it."""

from task_system import Context, RetryPolicy, task_type
from task_system.task_types.email_sending.addresses import parse_address
from task_system.task_types.email_sending.attachments import read_attachments
from task_system.task_types.email_sending.individually import send_individually
from task_system.task_types.email_sending.message import build_message
from task_system.task_types.email_sending.models import EmailParameters, EmailSent, Recipient
from task_system.task_types.email_sending.outbox import write_to_outbox
from task_system.task_types.email_sending.smtp import DEFAULT_SENDER, SmtpServer, send


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
    try:
        server: SmtpServer | None = ctx.resource(SmtpServer)
    except LookupError:
        server = None
    if parameters.individually:
        return send_individually(ctx, parameters, server)
    return _to_outbox(ctx, parameters) if server is None else _by_smtp(ctx, parameters, server)


def _by_smtp(ctx: Context, parameters: EmailParameters, server: SmtpServer) -> EmailSent:
    attachments = read_attachments(ctx, parameters.attachments)
    message = build_message(parameters, parse_address(server.sender), ctx.task_id, attachments=attachments)
    # the last look for a cancel: once the server has the message, the task has succeeded
    ctx.progress(0, f"handing over to {server.host}")
    recipients = send(server, message, parameters.recipients)
    accepted = sum(recipient.status == "accepted" for recipient in recipients)
    return EmailSent(
        delivery="smtp",
        detail=f"{server.host} accepted the message for {accepted} of {len(recipients)} recipients.",
        message_id=message["Message-ID"],
        recipients=recipients,
    )


def _to_outbox(ctx: Context, parameters: EmailParameters) -> EmailSent:
    attachments = read_attachments(ctx, parameters.attachments)
    message = build_message(parameters, parse_address(DEFAULT_SENDER), ctx.task_id, attachments=attachments)
    ctx.check_cancelled()
    file = write_to_outbox(ctx, message)
    return EmailSent(
        delivery="outbox",
        detail=f"No mail server is configured: nothing was sent, the message is in the data folder as {file}.",
        message_id=message["Message-ID"],
        recipients=[Recipient(address=address, status="written") for address in parameters.recipients],
        file=file,
    )
