"""Which mail server messages are handed to."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from task_system.task_types.email_sending.addresses import parse_address

DEFAULT_SENDER = "task-system@localhost"

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

Security = Literal["none", "starttls", "tls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """The mail server that messages are handed to.

    security: `starttls` (usually port 587), `tls` from the first byte (465), or `none`.
    username, password: both or neither.
    sender: From: of every message, `tasks@example.com` or `Tasks <tasks@example.com>`.
    timeout_s: how long any one answer of the server may take.

    Raises ValueError for what cannot work, and for a password that would cross a network in clear.
    """

    host: str
    port: int = 25
    security: Security = "none"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sender: str = DEFAULT_SENDER
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        if not self.host or not 0 < self.port < 65536:
            raise ValueError("a mail server needs a host and a port from 1 to 65535")
        if self.security not in get_args(Security):
            raise ValueError(f"a mail server's security is none, starttls or tls, not {self.security!r}")
        if self.timeout_s <= 0:
            raise ValueError("a mail server's timeout_s must be more than 0")
        if (self.username is None) != (self.password is None):
            raise ValueError("a mail server takes a username and a password, or neither")
        if not f"{self.username}{self.password}".isascii():
            raise ValueError("a mail server's username and password must be ASCII")
        if self.password is not None and self.security == "none" and self.host not in _LOOPBACK:
            raise ValueError("a password is not sent in clear: set the mail server's security to starttls or tls")
        parse_address(self.sender)
