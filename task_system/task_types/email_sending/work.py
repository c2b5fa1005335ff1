"""Build the message, hand it to the mail server or to the outbox, say what became of it."""

from task_system import Context
from task_system.task_types.email_sending.addresses import parse_address
from task_system.task_types.email_sending.attachments import read_attachments
from task_system.task_types.email_sending.individually import send_individually
from task_system.task_types.email_sending.message import build_message
from task_system.task_types.email_sending.models import EmailParameters, EmailSent, Recipient
from task_system.task_types.email_sending.outbox import write_to_outbox
from task_system.task_types.email_sending.server import DEFAULT_SENDER, SmtpServer
from task_system.task_types.email_sending.smtp import send


def deliver(ctx: Context, parameters: EmailParameters) -> EmailSent:
    """Hand the message to the mail server or to the outbox."""
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
