"""JSON Schema of all types at once, so that each has one name in the document."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

Mode = Literal["validation", "serialization"]
Schema = dict[str, Any]

PREFIX = "#/components/schemas/"


class _Plain(GenerateJsonSchema):
    """Without a title for each field, which says its name again."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic passes it
        return False

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> Schema:
        """With the words that fields have in the shapes that this one is made from."""
        made = super().typed_dict_schema(schema)
        for base in getattr(schema.get("cls"), "__orig_bases__", ()):
            if hasattr(base, "__annotations__"):
                for name, field in TypeAdapter(base).json_schema()["properties"].items():
                    if "description" in field:
                        made["properties"][name].setdefault("description", field["description"])
        return made

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Schema:
        # A default that a validator of ours would refuse is one that means: nothing was sent.
        made = super().default_schema(schema)
        if made.get("default", ...) is None:
            del made["default"]
        return made


class Schemas:
    """What each wanted type looks like; types that these need have names of their own in `named`."""

    def __init__(self, wanted: Iterable[tuple[Any, Mode]]) -> None:
        keys = dict.fromkeys(wanted)
        inputs = [(index, mode, TypeAdapter(shape)) for index, (shape, mode) in enumerate(keys)]
        schemas, common = TypeAdapter.json_schemas(inputs, ref_template=f"{PREFIX}{{model}}", schema_generator=_Plain)
        self._schemas = {key: schemas[index, key[1]] for index, key in enumerate(keys)}
        self.named: dict[str, Schema] = common.get("$defs", {})

    def of(self, shape: Any, mode: Mode) -> Schema:
        """As it is referred to."""
        return self._schemas[shape, mode]

    def whole(self, shape: Any, mode: Mode) -> Schema:
        """The schema itself, also of a type that has a name."""
        schema = self.of(shape, mode)
        reference = schema.get("$ref")
        return self.named[reference.removeprefix(PREFIX)] if reference else schema
