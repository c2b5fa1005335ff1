"""Flask, without what this API has no use for: each part left out here is time on every request."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response, request_tearing_down
from flask.globals import request_ctx
from flask.sessions import NullSession, SessionInterface
from flask.typing import ResponseReturnValue
from werkzeug.routing import MapAdapter

from task_system.api.hosts import refuser_of_other_hosts
from task_system.api.other_sites import refuser_of_other_sites
from task_system.api.queries import refuse_unknown_queries
from task_system.api.unread import read_the_rest


class _NoSessions(SessionInterface):
    """Callers are not remembered."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:  # noqa: ARG002 - Flask passes them
        return self._none


class ApiFlask(Flask):
    """An app whose addresses neither depend on the host that a request names nor redirect."""

    session_interface = _NoSessions()

    def __init__(self, allowed_hosts: tuple[str, ...], allowed_origins: tuple[str, ...]) -> None:
        """allowed_hosts: names that it goes by. allowed_origins: of pages that may do more than look, besides ours."""
        super().__init__("task_system", static_folder=None)
        self._refuse_other_hosts = refuser_of_other_hosts(allowed_hosts)
        self._refuse_other_sites = refuser_of_other_sites(allowed_origins)
        self.url_map.strict_slashes = False
        self.url_map.merge_slashes = False

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Flask looks at every function that it calls, each time; none here is a coroutine."""
        return func

    def preprocess_request(self) -> ResponseReturnValue | None:
        """Flask takes the blueprint's name apart, whether or not anybody wants to be called."""
        environ = request_ctx.request.environ
        self._refuse_other_hosts(environ)
        self._refuse_other_sites(environ)
        if environ["QUERY_STRING"]:
            refuse_unknown_queries(self, request_ctx.request)
        return super().preprocess_request() if self.before_request_funcs or self.url_value_preprocessors else None

    def process_response(self, response: Response) -> Response:
        """Flask looks for functions to call."""
        read_the_rest(request_ctx.request)
        return super().process_response(response) if self.after_request_funcs else response

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """The same, after the request."""
        if self.teardown_request_funcs or request_tearing_down.receivers:
            super().do_teardown_request(exc)

    def make_default_options_response(self) -> Response:
        """Flask calls what is empty HTML."""
        response = super().make_default_options_response()
        del response.headers["Content-Type"]
        return response

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Flask takes the host apart three times, to find that no address depends on it."""
        if request is None:
            return super().create_url_adapter(request)
        return MapAdapter(
            self.url_map,
            server_name="localhost",
            script_name=request.root_path or "/",
            subdomain="",
            url_scheme=request.scheme,
            path_info=request.path,
            default_method=request.method,
        )
