"""The message itself, from what the caller sent."""

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from uuid import UUID

from task_system.task_types.email_sending.addresses import parse_address
from task_system.task_types.email_sending.models import EmailParameters

#: Bodies in 7 bits pass every server on the way, whether it says 8BITMIME or not.
_POLICY = SMTP.clone(cte_type="7bit")


def build_message(parameters: EmailParameters, sender: Address, task_id: UUID) -> EmailMessage:
    """The message, ready to send. Bcc is in no header.

    The Message-ID is the task's, so that a copy that a repeated attempt sent is known as one.
    """
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    message["To"] = _addresses(parameters.to)
    if parameters.cc:
        message["Cc"] = _addresses(parameters.cc)
    if parameters.reply_to:
        message["Reply-To"] = _addresses(parameters.reply_to)
    message["Subject"] = parameters.subject
    message["Date"] = datetime.now(UTC)
    message["Message-ID"] = f"<{task_id}@{sender.domain}>"
    if parameters.text is not None or parameters.html is None:
        message.set_content(parameters.text or "")
        if parameters.html is not None:
            message.add_alternative(parameters.html, subtype="html")
    else:
        message.set_content(parameters.html, subtype="html")
    return message


def _addresses(texts: list[str]) -> tuple[Address, ...]:
    return tuple(map(parse_address, texts))
