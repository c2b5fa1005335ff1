"""The message itself, from what the caller sent."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from uuid import UUID

from task_system import Fail
from task_system.task_types.email_sending.addresses import check_header, parse_address
from task_system.task_types.email_sending.attachments import Attachment
from task_system.task_types.email_sending.models import EmailParameters
from task_system.task_types.email_sending.templates import render

#: Bodies in 7 bits pass every server on the way, whether it says 8BITMIME or not.
_POLICY = SMTP.clone(cte_type="7bit")


def build_message(
    parameters: EmailParameters,
    sender: Address,
    task_id: UUID,
    *,
    attachments: Sequence[Attachment] = (),
    only: tuple[int, Address] | None = None,
) -> EmailMessage:
    """The message, ready to send. Bcc is in no header.

    The Message-ID is the task's, so that a copy that a repeated attempt sent is known as one.

    only: the number and the address of the one recipient, of messages that go individually.

    Raises Fail for templates that cannot be filled in.
    """
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    message["To"] = _addresses(parameters.to) if only is None else only[1]
    if parameters.cc:
        message["Cc"] = _addresses(parameters.cc)
    if parameters.reply_to:
        message["Reply-To"] = _addresses(parameters.reply_to)
    subject, text, html = fill_in(parameters, None if only is None else only[1])
    message["Subject"] = subject
    message["Date"] = datetime.now(UTC)
    message["Message-ID"] = message_id(task_id, sender, None if only is None else only[0])
    if text is not None or html is None:
        message.set_content(text or "")
        if html is not None:
            message.add_alternative(html, subtype="html")
    else:
        message.set_content(html, subtype="html")
    for attachment in attachments:
        kind, _, subtype = attachment.media_type.partition("/")
        message.add_attachment(attachment.content, maintype=kind, subtype=subtype, filename=attachment.name)
    return message


def message_id(task_id: UUID, sender: Address, number: int | None = None) -> str:
    """The same in every attempt. `number`: of the recipient, of messages that go individually."""
    return f"<{task_id}@{sender.domain}>" if number is None else f"<{task_id}.{number}@{sender.domain}>"


def fill_in(parameters: EmailParameters, recipient: Address | None) -> tuple[str, str | None, str | None]:
    """Subject, text and HTML, filled in where they are templates. Raises Fail where that cannot be done."""
    if parameters.variables is None:
        return parameters.subject, parameters.text, parameters.html
    variables = dict(parameters.variables)
    if recipient is not None:
        variables["recipient"] = {"name": recipient.display_name, "address": recipient.addr_spec}
        variables |= parameters.variables_for.get(recipient.addr_spec, {})
    try:
        subject = check_header(render(parameters.subject, variables))
    except ValueError as error:
        raise Fail(f"The subject, filled in, {error}") from None
    return (
        subject,
        None if parameters.text is None else render(parameters.text, variables),
        None if parameters.html is None else render(parameters.html, variables, html=True),
    )


def _addresses(texts: list[str]) -> tuple[Address, ...]:
    return tuple(map(parse_address, texts))
