"""Subject and bodies as templates: Jinja2, of which only what cannot run away is let in.

The sandbox keeps a template from reaching the process, but not from making a text of gigabytes out of a line. So there
are values, conditions, loops over what was sent, sums and some filters; no assignments, calls, macros or concatenation.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from task_system import Fail

RENDERED_MAX_CHARACTERS = 1_000_000

_FILTERS = frozenset(
    {
        "abs",
        "capitalize",
        "count",
        "d",
        "default",
        "e",
        "escape",
        "first",
        "float",
        "int",
        "last",
        "length",
        "lower",
        "round",
        "sort",
        "title",
        "trim",
        "upper",
    }
)
_NODES = {
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.For,
    nodes.Name,
    nodes.Const,
    nodes.Getattr,
    nodes.Getitem,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.Filter,
    nodes.Test,
    nodes.Tuple,
    nodes.List,
    nodes.Keyword,
}


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"+", "-", "*", "/"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            raise SecurityError(f"`{operator}` is for numbers")
        return super().call_binop(context, operator, left, right)


_PLAIN = _Environment(undefined=StrictUndefined, keep_trailing_newline=True)
_HTML = _Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=True)


def check_template(source: str) -> None:
    """Raises ValueError, in words for the caller, for what is no template or uses what is not let in."""
    try:
        tree = _PLAIN.parse(source)
    except (TemplateError, RecursionError) as error:
        raise ValueError(f"is no template: {error}") from None
    for node in tree.find_all(nodes.Node):
        if type(node) not in _NODES:
            raise ValueError(f"line {node.lineno}: {type(node).__name__} is not for these templates")
        if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
            raise ValueError(f"line {node.lineno}: the filter {node.name!r} is none of {', '.join(sorted(_FILTERS))}")


@lru_cache(maxsize=8)
def _compiled(source: str, html: bool) -> Template:
    return (_HTML if html else _PLAIN).from_string(source)


def render(source: str, variables: Mapping[str, Any], *, html: bool = False) -> str:
    """The text. `html`: values are escaped. Raises Fail for a variable that is missing and for too long a text."""
    pieces: list[str] = []
    length = 0
    try:
        for piece in _compiled(source, html).generate(variables):
            pieces.append(piece)
            length += len(piece)
            if length > RENDERED_MAX_CHARACTERS:
                raise Fail(f"A template makes a text of more than {RENDERED_MAX_CHARACTERS:,} characters")
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise Fail(f"A template cannot be filled in: {error}") from None
    return "".join(pieces)
