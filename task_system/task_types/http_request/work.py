"""Put the request together, send it, answer what came back."""

import time
from contextlib import closing

import httpx2

from task_system import Context, Fail, Retry
from task_system.task_types.http_request.answers import read
from task_system.task_types.http_request.models import HttpAnswer, HttpParameters, check_value
from task_system.task_types.http_request.network import CheckedTransport, Deadline
from task_system.task_types.http_request.policy import HttpPolicy
from task_system.task_types.http_request.redirects import send
from task_system.task_types.secret_values import SecretReference, resolve


def ask(ctx: Context, parameters: HttpParameters) -> HttpAnswer:
    """Send it, and answer what came back."""
    policy = _policy(ctx)
    started = time.monotonic()
    transport = CheckedTransport(policy, Deadline(ctx, parameters.timeout_s))
    with httpx2.Client(transport=transport, trust_env=False, timeout=None) as client:
        secrets = _secrets(ctx, parameters)
        request = _request(client, parameters, secrets)
        host = request.url.host
        ctx.progress(0, f"asking {host}")
        try:
            response, redirects = send(
                client,
                request,
                policy,
                private={name.lower() for name in secrets},
                max_redirects=parameters.max_redirects,
            )
            with closing(response):
                values = {_reference(parameters, header): value for header, value in secrets.items()}
                return read(response, parameters, values, redirects=redirects, started=started)
        except httpx2.LocalProtocolError:
            # without its message, which may quote a header
            raise Fail(f"The request to {host} cannot be sent: its headers or its body are no HTTP") from None
        except httpx2.TransportError as error:
            raise Retry(f"{host} cannot be reached, or hung up: {error}") from None
        except httpx2.InvalidURL as error:
            raise Fail(f"{host} redirects to what is no URL: {error}") from None


def _policy(ctx: Context) -> HttpPolicy:
    try:
        return ctx.resource(HttpPolicy)
    except LookupError:
        return HttpPolicy()


def _secrets(ctx: Context, parameters: HttpParameters) -> dict[str, str]:
    """The headers whose values are secrets, resolved."""
    host = httpx2.URL(parameters.url).host
    found = {}
    for header, reference in parameters.headers.items():
        if isinstance(reference, SecretReference):
            value = resolve(ctx, reference, host=host)
            try:
                found[header] = check_value(value)
            except ValueError:
                raise Fail(f"The secret `{reference.secret}` is not one line of printable ASCII") from None
    return found


def _reference(parameters: HttpParameters, header: str) -> str:
    reference = parameters.headers[header]
    assert isinstance(reference, SecretReference)
    return reference.secret


def _request(client: httpx2.Client, parameters: HttpParameters, secrets: dict[str, str]) -> httpx2.Request:
    headers = {"User-Agent": "task-system", "Accept": "*/*", "Accept-Encoding": "identity"}
    content = parameters.body_text.encode() if parameters.body_text is not None else None
    if content is not None:
        headers["Content-Type"] = "text/plain; charset=utf-8"
    merged = httpx2.Headers(headers)
    merged.update({name: value for name, value in parameters.headers.items() if isinstance(value, str)})
    merged.update(secrets)
    return client.build_request(
        parameters.method, parameters.url, headers=merged, content=content, json=parameters.body_json
    )
