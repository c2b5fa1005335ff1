"""Secrets by reference: a task carries a secret's name, the process that runs it knows the value."""

from collections.abc import Collection, Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from task_system import Context, Fail

SecretName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


class SecretReference(BaseModel):
    """A secret that the service's operator gave a name. Its value is in no task, log or result."""

    model_config = ConfigDict(extra="forbid")

    secret: SecretName = Field(description="its name, such as `API_TOKEN`")


class Secrets:
    """The secrets that tasks may refer to.

    values: the value of each, by name.
    hosts: for each name in it, the only hosts that the value is sent to; such a secret is good for nothing else.
        A name that is not in it may be used by whoever may submit tasks, for any purpose.

    Raises ValueError for a value that is empty.
    """

    def __init__(self, values: Mapping[str, str], *, hosts: Mapping[str, Collection[str]] | None = None) -> None:
        self._values = dict(values)
        if empty := [name for name, value in self._values.items() if not value]:
            raise ValueError(f"these secrets are empty: {', '.join(empty)}")
        self._hosts = {name: frozenset(map(str.lower, allowed)) for name, allowed in (hosts or {}).items()}

    def __repr__(self) -> str:
        return f"Secrets({', '.join(sorted(self._values))})"

    def value(self, name: str, *, host: str | None = None) -> str:
        """The value. `host`: where it will be sent, if anywhere.

        Raises LookupError, in words for the caller, when there is none of that name, or not for that use.
        """
        if name not in self._values:
            raise LookupError(f"There is no secret named `{name}`: the service's operator can add it")
        if name in self._hosts and (host is None or host.lower() not in self._hosts[name]):
            raise LookupError(f"The secret `{name}` may not be used here: the service's operator bound it to its hosts")
        return self._values[name]


def resolve(ctx: Context, reference: SecretReference, *, host: str | None = None) -> str:
    """The value that the reference stands for. Raises Fail when there is none, or not for that host."""
    try:
        secrets = ctx.resource(Secrets)
    except LookupError:
        secrets = Secrets({})
    try:
        return secrets.value(reference.secret, host=host)
    except LookupError as error:
        raise Fail(str(error.args[0])) from None
