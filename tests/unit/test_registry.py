"""Declaring task types: what could not work later is refused at once, with words that say what to do."""

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, Field, RootModel, ValidationError

from task_system.model.errors import DeclarationError, UnknownTaskType
from task_system.registry import Context, Registry, RetryPolicy, task_type

if TYPE_CHECKING:
    from nowhere import Unknown  # type: ignore[import-not-found]


class Echo(BaseModel):
    """Say it again."""

    text: str = "hello"


class Needs(BaseModel):
    n: int


class Shows(BaseModel):
    n: int = Field(gt=0)
    model_config = {"json_schema_extra": {"examples": [{"n": 3}, {"n": 4}]}}


class Opaque(BaseModel):
    call: Callable[[], int] = lambda: 1


@pytest.fixture
def registry() -> Registry:
    return Registry()


def echo(ctx: Context, parameters: Echo) -> dict[str, str]:
    """Give the text back.

    All of it.
    """
    return {"text": parameters.text}


def test_an_unknown_parameter_is_refused_unless_the_model_says_otherwise(registry: Registry) -> None:
    class Open(BaseModel, extra="allow"):
        n: int = 1

    class Numbers(RootModel[dict[str, int]]):
        root: dict[str, int] = {}

    def opened(ctx: Context, parameters: Open) -> None: ...

    def counted(ctx: Context, parameters: Numbers) -> None: ...

    for handler in (echo, opened, counted):
        task_type(handler.__name__, registry=registry)(handler)
    strict = registry.get("echo").parameters
    with pytest.raises(ValidationError, match="extra_forbidden"):
        strict.model_validate_json('{"text": "x", "colour": "red"}')
    assert strict.model_json_schema() == Echo.model_json_schema() | {"additionalProperties": False}
    assert Echo.model_validate({"colour": "red"}) == Echo(), "the model itself stays as it is"
    assert registry.get("opened").parameters.model_validate({"m": 2}).model_extra == {"m": 2}
    assert registry.get("counted").parameters.model_validate({"a": 2}).model_dump() == {"a": 2}


def test_a_declaration_is_kept_whole(registry: Registry) -> None:
    policy = RetryPolicy(max_attempts=2)
    decorate = task_type(
        "echo", lane="email_sending", retry=policy, timeout_s=1.5, example={"text": "x"}, registry=registry
    )
    assert decorate(echo) is echo
    found = registry.get("echo")
    assert (found.name, found.handler, found.parameters.__name__) == ("echo", echo, "Echo")
    assert issubclass(found.parameters, Echo)
    assert (found.lane, found.retry, found.timeout_s) == ("email_sending", policy, 1.5)
    assert found.description == "Give the text back.\n\nAll of it."
    assert found.example == {"text": "x"}
    assert found.result.dump_json({"text": "x"}) == b'{"text":"x"}'


def test_what_is_not_said_has_a_value_that_works(registry: Registry) -> None:
    @task_type("quiet", registry=registry)
    def quiet(ctx: Context, parameters: Echo) -> None: ...

    found = registry.get("quiet")
    assert (found.lane, found.retry, found.timeout_s) == ("default", RetryPolicy(), 300.0)
    assert found.description == "Say it again."
    assert found.example == {}


def test_the_models_own_example_is_the_example(registry: Registry) -> None:
    @task_type("shows", registry=registry)
    def shows(ctx: Context, parameters: Shows) -> Any: ...

    assert registry.get("shows").example == {"n": 3}


def test_types_are_listed_by_name(registry: Registry) -> None:
    for name in ("b", "c", "a"):
        task_type(name, registry=registry)(echo)
    assert [found.name for found in registry] == ["a", "b", "c"]
    assert len(registry) == 3
    assert "a" in registry
    assert "d" not in registry


def test_an_unknown_name_is_answered_with_those_there_are(registry: Registry) -> None:
    with pytest.raises(UnknownTaskType, match=r"No task type is named 'nope'. Registered: none\."):
        registry.get("nope")
    task_type("echo", registry=registry)(echo)
    with pytest.raises(UnknownTaskType, match=r"Registered: echo\.") as caught:
        registry.get("nope")
    assert caught.value.errors == [{"path": "task_type", "message": caught.value.detail}]


@pytest.mark.parametrize("name", ["", "Echo", "1st", "send-mail", "sp ace", "ünder", "_x", "a" * 64, "echo\n"])
def test_a_name_that_cannot_be_one(registry: Registry, name: str) -> None:
    with pytest.raises(DeclarationError, match="must be lower-case letters, digits and underscores"):
        task_type(name, registry=registry)(echo)
    assert len(registry) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lane": "fast"}, "its lane 'fast' is none of default, data_processing"),
        ({"timeout_s": 0}, "its timeout_s must be more than 0"),
        ({"timeout_s": float("nan")}, "its timeout_s must be more than 0"),
        ({"example": {"text": 3}}, "does not validate; pass `example=` with parameters that do"),
    ],
)
def test_an_option_that_cannot_work(registry: Registry, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message) as caught:
        task_type("echo", registry=registry, **options)(echo)
    assert "'echo'" in str(caught.value)
    assert len(registry) == 0


def test_a_model_whose_defaults_do_not_validate_needs_an_example(registry: Registry) -> None:
    def needs(ctx: Context, parameters: Needs) -> None: ...

    with pytest.raises(DeclarationError, match="pass `example=` with parameters that do"):
        task_type("needs", registry=registry)(needs)
    task_type("needs", registry=registry, example={"n": 1})(needs)


def no_arguments() -> None: ...
def one_argument(parameters: Echo) -> None: ...
def three_arguments(ctx: Context, parameters: Echo, more: int) -> None: ...
def unannotated(ctx, parameters): ...  # type: ignore[no-untyped-def]
def not_a_model(ctx: Context, parameters: dict[str, Any]) -> None: ...
def unresolved(ctx: Context, parameters: "Unknown") -> None: ...
def no_result(ctx: Context, parameters: Echo) -> ModuleType: ...  # type: ignore[empty-body]
def opaque(ctx: Context, parameters: Opaque) -> None: ...
async def asynchronous(ctx: Context, parameters: Echo) -> None: ...


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (no_arguments, r"takes 0 arguments; write `def bad\(ctx: Context, parameters: YourModel\)`"),
        (one_argument, "takes 1 arguments; write"),
        (three_arguments, "takes 3 arguments; write"),
        (unannotated, "annotate `parameters` with a pydantic model; it is None"),
        (not_a_model, "annotate `parameters` with a pydantic model; it is dict"),
        (unresolved, "cannot be resolved: name 'Unknown' is not defined"),
        (no_result, "its result cannot be described"),
        (opaque, "its parameters cannot be described"),
        (asynchronous, "is `async def`; write a plain `def`"),
    ],
)
def test_a_handler_that_cannot_work(registry: Registry, handler: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=message) as caught:
        task_type("bad", registry=registry)(handler)
    assert "'bad'" in str(caught.value)
    assert len(registry) == 0


def test_a_name_that_another_module_took(registry: Registry) -> None:
    task_type("echo", registry=registry)(echo)

    def other(ctx: Context, parameters: Echo) -> None: ...

    other.__module__ = "shop.tasks"
    with pytest.raises(DeclarationError, match=r": tests.*echo and shop\.tasks.*other\. Rename one of them"):
        task_type("echo", registry=registry)(other)
    assert registry.get("echo").handler is echo


def test_a_name_that_another_function_of_the_module_took(registry: Registry) -> None:
    task_type("echo", registry=registry)(echo)
    with pytest.raises(DeclarationError, match="Rename one of them"):
        task_type("echo", registry=registry)(another_echo)
    assert registry.get("echo").handler is echo


def another_echo(ctx: Context, parameters: Echo) -> None: ...


def test_the_same_function_imported_again_takes_its_own_place(registry: Registry) -> None:
    def make() -> Any:
        def again(ctx: Context, parameters: Echo) -> None: ...

        return again

    first, second = make(), make()
    task_type("again", registry=registry)(first)
    task_type("again", registry=registry)(second)
    assert registry.get("again").handler is second
