"""The development mail server (``smtp.py``) as a private server."""

import email
import email.policy
import smtplib
import sys
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path

from task_system.testing.servers.ports import HOST, free_port
from task_system.testing.servers.server import Server

_PROGRAM = Path(__file__).with_name("smtp.py")


class MailCatcher(Server):
    """An SMTP server on a free loopback port that keeps what it gets in ``messages_folder``."""

    name = "mail"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()
        self.messages_folder = self.folder / "messages"

    @property
    def url(self) -> str:
        return f"smtp://{HOST}:{self.port}"

    def messages(self) -> list[EmailMessage]:
        """Return the messages received so far, oldest first; ``X-MailFrom`` and ``X-RcptTo`` are the envelope's."""
        return [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in sorted(self.messages_folder.glob("*.eml"))
        ]

    def _prepare(self) -> None:
        self.messages_folder.mkdir(exist_ok=True)

    def _command(self) -> Sequence[str | Path]:
        # -P: the program's own folder has a redis.py that nobody is to import as redis
        return [
            sys.executable,
            "-P",
            _PROGRAM,
            f"--host={HOST}",
            f"--port={self.port}",
            f"--folder={self.messages_folder}",
        ]

    def _ping(self) -> None:
        with smtplib.SMTP(HOST, self.port, timeout=2) as client:
            client.noop()
