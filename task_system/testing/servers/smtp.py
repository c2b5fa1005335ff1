"""A mail server for development: it keeps every message as an .eml file in a folder and delivers none.

    python -m task_system.testing.servers.smtp --port 1025 --folder ./mail

To see an error handled, write to ``reply-451@…``: a recipient whose local part is ``reply-`` and an SMTP error code is
refused with that code.
"""

import argparse
import asyncio
import re
import secrets
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

_REFUSED = re.compile(r"reply-([45]\d\d)@")


class Keep:
    """The hooks that aiosmtpd calls for each recipient and each message."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
        address: str,
        options: list[str],  # noqa: ARG002
    ) -> str:
        refused = _REFUSED.match(address)
        if refused:
            return f"{refused[1]} as the address asks for"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802, ARG002
        recipients = ", ".join(envelope.rcpt_tos)
        # the envelope names those whom the headers do not (Bcc)
        head = f"X-MailFrom: {envelope.mail_from}\r\nX-RcptTo: {recipients}\r\n".encode()
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        name = f"{time.time_ns()}-{secrets.token_hex(4)}.eml"
        unfinished = self._folder / f".{name}"
        unfinished.write_bytes(head + content)
        unfinished.replace(self._folder / name)
        return f"250 OK: kept as {name}"


async def serve(host: str, port: int, folder: Path) -> None:
    """Serve until cancelled."""
    folder.mkdir(parents=True, exist_ok=True)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Keep(folder), enable_SMTPUTF8=True, loop=loop), host, port)
    async with server:
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1025)
    parser.add_argument("--folder", type=Path, default=Path("mail"))
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.host, arguments.port, arguments.folder))


if __name__ == "__main__":
    main()
