"""A real SMTP server: aiosmtpd on a free port of the loopback interface."""

# ruff: noqa: ARG002, N802 - the names and arguments of handlers are aiosmtpd's

import email
import email.policy
import socket
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

HOST = "127.0.0.1"


class Mailbox:
    """Takes mail. Answers as the test wrote into `answers`, by recipient's address or by command's name."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.received: list[Envelope] = []
        self.logins: list[str] = []
        self.hang_up_on_data = False

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return responses

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.hang_up_on_data:
            assert server.transport
            server.transport.close()
            return "250 never heard"
        answer = self.answers.get("DATA", "250 OK")
        if answer.startswith("250"):
            self.received.append(envelope)
        return answer

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return self.answers.get("QUIT", "221 Bye")

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, auth_data: LoginPassword
    ) -> AuthResult:
        self.logins.append(auth_data.login.decode())
        return AuthResult(success=auth_data.password == b"s3cret", handled=False)

    def message(self) -> EmailMessage:
        """The only message there is."""
        [envelope] = self.received
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return message


def free_port() -> int:
    with socket.create_server((HOST, 0)) as taken:
        return int(taken.getsockname()[1])
