"""How large a body the embedded HTTP server takes in, by what it is for: it keeps all of it on disk before the app sees
any, so only uploads may be as large as files.
"""

from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser

from task_system.cli.refusals import ProblemTask

UPLOADS = "/api/files"


def bounded_channel(max_body_bytes: int, max_upload_bytes: int) -> type[HTTPChannel]:
    """The class for connections of a server."""

    class Parser(HTTPRequestParser):  # type: ignore[misc] # waitress has no types
        adj: Any

        def parse_header(self, header_plus: bytes) -> None:
            super().parse_header(header_plus)
            is_upload = self.command == "POST" and self.path.rstrip("/") == UPLOADS
            self.adj = _Bounded(self.adj, max_upload_bytes if is_upload else max_body_bytes)

    class Channel(HTTPChannel):  # type: ignore[misc] # waitress has no types
        parser_class = Parser
        error_task_class = ProblemTask

    return Channel


class _Bounded:
    """The server's adjustments, with another limit."""

    def __init__(self, adjustments: Adjustments, max_request_body_size: int) -> None:
        self._adjustments = adjustments
        self.max_request_body_size = max_request_body_size

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adjustments, name)
