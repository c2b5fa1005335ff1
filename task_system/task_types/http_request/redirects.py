"""Sending, and following redirects where the caller asked for it."""

import httpx2

from task_system import Fail
from task_system.task_types.http_request.policy import HttpPolicy

#: What was meant for the first server and nobody else.
_PRIVATE = frozenset({"authorization", "cookie"})


def send(
    client: httpx2.Client, request: httpx2.Request, policy: HttpPolicy, *, private: set[str], max_redirects: int
) -> tuple[httpx2.Response, list[str]]:
    """The answer, its body not read yet, and the URLs that redirected. Each URL is checked before it is asked.

    private: headers, in lower case, that must not go to another server than the first.

    Raises Fail for a URL that is not allowed and for more redirects than `max_redirects`, if that is not 0.
    """
    passed: list[str] = []
    while True:
        policy.check_url(request.url)
        response = client.send(request, stream=True, follow_redirects=False)
        following = response.next_request
        if following is None or not max_redirects:
            return response, passed
        response.close()
        if len(passed) == max_redirects:
            raise Fail(f"There were more than {max_redirects} redirects")
        passed.append(str(request.url))
        if _origin(following.url) != _origin(request.url):
            for name in private | _PRIVATE:
                following.headers.pop(name, None)
        request = following


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
