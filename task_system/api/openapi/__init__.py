"""The API's description in OpenAPI 3.1, made of the models that validate, the shapes of answers, and the registry."""

from task_system.api.openapi.document import document

__all__ = ["document"]
