"""What the embedded HTTP server refuses by itself, before the app sees it: answered in the app's own form."""

from http import HTTPStatus

import orjson
from waitress.task import ErrorTask


class ProblemTask(ErrorTask):  # type: ignore[misc] # waitress has no types
    """Waitress's errors (a body over the limit, a request that is no HTTP) as problem documents."""

    def execute(self) -> None:
        error = self.request.error
        status = HTTPStatus(error.code)
        document = {
            "type": f"urn:task-system:problem:{status.name.lower()}",
            "title": status.phrase,
            "status": status.value,
            "detail": f"{error.body}.",
            "instance": self.request.path or "/",
            "error": status.name.lower(),
        }
        body = orjson.dumps(document)
        self.status = f"{status.value} {status.phrase}"
        self.response_headers.append(("Content-Type", "application/problem+json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)
