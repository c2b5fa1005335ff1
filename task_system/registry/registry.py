"""`@task_type` and the table of what it registered."""

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, RootModel, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from task_system.model.errors import DeclarationError, UnknownTaskType
from task_system.model.routing import LANES
from task_system.model.schedule import ScheduleSpec
from task_system.registry.files import FILE_ID
from task_system.registry.retry_policy import RetryPolicy
from task_system.registry.task_type import Handler, TaskType

H = TypeVar("H", bound=Handler)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


class Registry:
    """The task types of one service, by name."""

    def __init__(self) -> None:
        self._types: dict[str, TaskType] = {}
        #: Schedules that are declared beside their types, by name.
        self.schedules: dict[str, ScheduleSpec] = {}

    def add(self, task_type: TaskType) -> None:
        """Register it. Raises DeclarationError when the name is taken by another function."""
        known = self._types.get(task_type.name)
        # A module that is imported again makes its functions again.
        if known and _origin(known) != _origin(task_type):
            raise DeclarationError(
                f"Two task types are named {task_type.name!r}: {_origin(known)} and {_origin(task_type)}. "
                "Rename one of them."
            )
        self._types[task_type.name] = task_type

    def get(self, name: str) -> TaskType:
        """The type of that name. Raises UnknownTaskType, which lists the names there are."""
        try:
            return self._types[name]
        except KeyError:
            known = ", ".join(sorted(self._types)) or "none"
            message = f"No task type is named {name!r}. Registered: {known}."
            raise UnknownTaskType(message, errors=[{"path": "task_type", "message": message}]) from None

    def __iter__(self) -> Iterator[TaskType]:
        return iter(sorted(self._types.values(), key=lambda task_type: task_type.name))

    def __contains__(self, name: object) -> bool:
        return name in self._types

    def __len__(self) -> int:
        return len(self._types)


#: Where `@task_type` registers unless told otherwise; the service runs what is in here.
default_registry = Registry()


def task_type(
    name: str,
    *,
    lane: str = "default",
    retry: RetryPolicy | None = None,
    timeout_s: float = 300.0,
    cancel_grace_s: float = 10.0,
    example: dict[str, Any] | None = None,
    registry: Registry = default_registry,
) -> Callable[[H], H]:
    """Register a function `(ctx: Context, parameters: Model) -> Result` as a task type, and return it unchanged.

    name: what callers send as `task_type`; lower case, digits and underscores.
    lane: which workers run it; `default` for types of your own.
    retry: what happens after a failed attempt; without it `RetryPolicy()`.
    timeout_s: an attempt that runs longer is stopped.
    cancel_grace_s: after a cancel, an attempt that does not stop when told is killed this much later.
    example: parameters that validate; without it the model's own first `examples` entry, or what its defaults give.

    Raises DeclarationError, at import, for anything that could not work later.
    """

    def register(handler: H) -> H:
        model, result = _signature(name, handler)
        parameters = _strict(model)
        schema = _schema(name, parameters)
        _check(
            bool(_NAME.fullmatch(name)),
            name,
            "its name must be lower-case letters, digits and underscores, and start with a letter",
        )
        _check(lane in LANES, name, f"its lane {lane!r} is none of {', '.join(LANES)}")
        _check(timeout_s > 0, name, "its timeout_s must be more than 0")
        _check(cancel_grace_s >= 0, name, "its cancel_grace_s must not be less than 0")
        registry.add(
            TaskType(
                name=name,
                description=inspect.cleandoc(handler.__doc__ or parameters.__doc__ or ""),
                handler=handler,
                parameters=parameters,
                result=result,
                lane=lane,
                retry=retry or RetryPolicy(),
                timeout_s=timeout_s,
                cancel_grace_s=cancel_grace_s,
                example=_example(name, parameters, example if example is not None else _first_example(schema)),
                takes_files=f"'format': '{FILE_ID}'" in str(schema),
            )
        )
        return handler

    return register


def _origin(task_type: TaskType) -> str:
    return f"{task_type.handler.__module__}.{task_type.handler.__qualname__}"


def _check(holds: bool, name: str, what: str) -> None:
    if not holds:
        raise DeclarationError(f"Task type {name!r}: {what}.")


def _signature(name: str, handler: Handler) -> tuple[type[BaseModel], TypeAdapter[Any]]:
    """The parameters model and the result's type, from the handler's annotations."""
    arguments = list(inspect.signature(handler).parameters)
    _check(
        len(arguments) == 2,
        name,
        f"the handler takes {len(arguments)} arguments; write `def {name}(ctx: Context, parameters: YourModel)`",
    )
    _check(not inspect.iscoroutinefunction(handler), name, "the handler is `async def`; write a plain `def`")
    try:
        hints = get_type_hints(handler)
    except NameError as error:
        raise DeclarationError(
            f"Task type {name!r}: an annotation of the handler cannot be resolved: {error}."
        ) from error
    model = hints.get(arguments[1])
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise DeclarationError(f"Task type {name!r}: annotate `{arguments[1]}` with a pydantic model; it is {model!r}.")
    try:
        return model, TypeAdapter(hints.get("return", Any))
    except PydanticUserError as error:
        raise DeclarationError(f"Task type {name!r}: its result cannot be described: {error}") from error


def _strict(model: type[BaseModel]) -> type[BaseModel]:
    """The same, refusing what it does not know, as every body does; unless it says itself what is to become of that."""
    if model.model_config.get("extra") or issubclass(model, RootModel):
        return model
    same = {name: getattr(model, name) for name in ("__module__", "__qualname__", "__doc__")}
    members = {**same, "model_config": ConfigDict(extra="forbid")}
    strict: type[BaseModel] = type(model)(model.__name__, (model,), members)  # type: ignore[misc] # a metaclass
    return strict


def _schema(name: str, model: type[BaseModel]) -> dict[str, Any]:
    try:
        return model.model_json_schema()
    except PydanticUserError as error:
        raise DeclarationError(f"Task type {name!r}: its parameters cannot be described: {error}") from error


def _first_example(schema: dict[str, Any]) -> dict[str, Any]:
    first: dict[str, Any] | None = (schema.get("examples") or [None])[0]
    return {} if first is None else first


def _example(name: str, model: type[BaseModel], example: dict[str, Any]) -> dict[str, Any]:
    try:
        model.model_validate(example)
    except ValidationError as error:
        raise DeclarationError(
            f"Task type {name!r}: its example {example!r} does not validate; pass `example=` with parameters that do. "
            f"{error}"
        ) from error
    return example
