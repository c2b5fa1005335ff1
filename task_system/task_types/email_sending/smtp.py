"""Handing a message to a mail server."""

import smtplib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from email.message import EmailMessage

from task_system import Fail, Retry
from task_system.task_types.email_sending.addresses import parse_address
from task_system.task_types.email_sending.models import Recipient
from task_system.task_types.email_sending.server import SmtpServer

_REASON_CHARACTERS = 500
#: Messages over one connection; many servers hang up after a hundred.
_PER_CONNECTION = 50


def send(server: SmtpServer, message: EmailMessage, recipients: list[str]) -> list[Recipient]:
    """Hand the message over, and say what the server answered for each recipient.

    Raises Retry when nobody got it and somebody may get it later, Fail when nobody ever will. Returns when at least one
    recipient was accepted: from then on another attempt would send twice.
    """
    with _outcomes(server), closing(_connected(server)) as smtp:
        refused = smtp.send_message(message, parse_address(server.sender).addr_spec, recipients)
        # the message is accepted: whatever happens to the farewell, it was sent
        with suppress(smtplib.SMTPException, OSError):
            smtp.quit()
        return [_recipient(address, refused) for address in recipients]


class Deliveries:
    """Messages to one recipient each, over connections that are used for many of them.

    A context manager; it raises as `send` does for what concerns the server and not one recipient.
    """

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._sender = parse_address(server.sender).addr_spec
        self._smtp: smtplib.SMTP | None = None
        self._sent = 0

    def __enter__(self) -> "Deliveries":
        return self

    def __exit__(self, *_: object) -> None:
        self._hang_up()

    def send(self, message: EmailMessage, address: str) -> Recipient:
        """Hand the message over, and say what the server answered."""
        with _outcomes(self._server):
            if self._smtp is None or self._smtp.sock is None or self._sent % _PER_CONNECTION == 0:
                self._hang_up()
                self._smtp = _connected(self._server)
            self._sent += 1
            try:
                return _recipient(address, self._smtp.send_message(message, self._sender, [address]))
            except smtplib.SMTPRecipientsRefused as error:
                return _recipient(address, error.recipients)
            except smtplib.SMTPDataError as error:
                answer = error.smtp_error if isinstance(error.smtp_error, bytes) else error.smtp_error.encode()
                return _recipient(address, {address: (error.smtp_code, answer)})

    def _hang_up(self) -> None:
        if self._smtp is not None:
            with suppress(smtplib.SMTPException, OSError):
                self._smtp.quit()
            self._smtp.close()
            self._smtp = None


def _connected(server: SmtpServer) -> smtplib.SMTP:
    """A session that is encrypted and logged in as the server is configured."""
    context = ssl.create_default_context()
    if server.security == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout_s, context=context)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=server.timeout_s)
    try:
        if server.security == "starttls":
            smtp.starttls(context=context)
        if server.username is not None and server.password is not None:
            smtp.login(server.username, server.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


@contextmanager
def _outcomes(server: SmtpServer) -> Iterator[None]:
    """Every way in which handing over can go wrong, as an outcome.

    Without `from`: the cause's traceback may hold the login.
    """
    name = f"the mail server {server.host}:{server.port}"
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        refused = [_recipient(address, error.recipients) for address in error.recipients]
        answers = "; ".join(f"{each.address}: {each.code} {each.reason}" for each in refused)
        if any(each.status == "refused_temporarily" for each in refused):
            raise Retry(f"{name} takes the message for no recipient just now: {answers}") from None
        raise Fail(f"{name} refused every recipient: {answers}") from None
    except smtplib.SMTPResponseException as error:
        answer = f"{name} answered {error.smtp_code} {_text(error.smtp_error)} to {_step(error)}"
        raise (Fail(answer) if 500 <= error.smtp_code < 600 else Retry(answer)) from None
    except smtplib.SMTPServerDisconnected as error:
        raise Retry(f"{name} hung up: {error}") from None
    except smtplib.SMTPException as error:
        raise Fail(f"{name} cannot be used as it is configured: {error}") from None
    except OSError as error:
        raise Retry(f"{name} cannot be reached: {error}") from None


def _step(error: smtplib.SMTPResponseException) -> str:
    match error:
        case smtplib.SMTPSenderRefused():
            return f"the sender {error.sender}"
        case smtplib.SMTPDataError():
            return "the message"
        case smtplib.SMTPAuthenticationError():
            return "the login"
        case smtplib.SMTPConnectError() | smtplib.SMTPHeloError():
            return "the greeting"
    return "a command"


def _recipient(address: str, refused: Mapping[str, tuple[int, bytes]]) -> Recipient:
    if address not in refused:
        return Recipient(address=address, status="accepted")
    code, reason = refused[address]
    return Recipient(
        address=address,
        status="refused" if 500 <= code < 600 else "refused_temporarily",
        code=code,
        reason=_text(reason),
    )


def _text(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())[:_REASON_CHARACTERS]
