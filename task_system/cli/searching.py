"""SEARCH on the command line: words of a search, which may begin with a minus."""

import re
from collections.abc import Iterable, Iterator

import click

from task_system.model.search.values import FIELDS

#: What is not to be, as in `-tag:test`: no option is written so.
_NOT = re.compile(rf'-+(?:[("]|(?:{"|".join(FIELDS)}|(?:parameters|result|metadata)\.[^:]*):)')


class Searching(click.Command):
    """A command that takes a search."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What is not to be is no option."""
        return super().parse_args(ctx, list(_words(args)))


def said(words: Iterable[str]) -> str:
    """The search that these words are."""
    return " ".join(word.strip() for word in words)


def _words(args: Iterable[str]) -> Iterator[str]:
    """click takes for an option what begins with a minus; a space before it says nothing in a search."""
    return (f" {arg}" if _NOT.match(arg) else arg for arg in args)
