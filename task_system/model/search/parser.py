"""Tokens to an expression, by recursive descent.

search := [ any ]
any    := all { "OR" all }
all    := one { [ "AND" ] one }
one    := ( "NOT" | "-" ) one | "(" any ")" | term
term   := word | quoted | field ":" [ "<" | "<=" | ">" | ">=" | "=" ] value { "," value }
"""

from collections.abc import Callable
from datetime import datetime

from task_system.model.search.expression import And, Expression, Not, Or, Says
from task_system.model.search.tokens import SearchError, Token, tokens
from task_system.model.search.values import said, term_of

#: Parentheses and negations inside one another.
DEEPEST = 30
_TERM = "a term such as state:failure, a word, NOT or ("


def parse(text: str, now: datetime) -> Expression:
    """What the text says; ages such as `created:>2h` count from `now`. Raises SearchError with the position."""
    return _Parser(tokens(text), now).search()


class _Parser:
    def __init__(self, found: list[Token], now: datetime) -> None:
        self._tokens = found
        self._now = now
        self._at = 0
        self._depth = 0

    def search(self) -> Expression:
        if self._next.kind == "end":
            return And(())
        expression = self._any()
        if self._next.kind != "end":
            raise _unexpected(self._next, "a term, OR, or the end")
        return expression

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _any(self) -> Expression:
        parts = [self._all()]
        while self._is_word("OR"):
            self._take()
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all(self) -> Expression:
        parts = [self._one()]
        while self._next.kind not in {"end", ")"} and not self._is_word("OR"):
            if self._is_word("AND"):
                self._take()
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _one(self) -> Expression:
        if self._next.kind == "-" or self._is_word("NOT"):
            return self._inside(lambda: Not(self._one()))
        if self._next.kind == "(":
            return self._inside(self._group)
        return self._term()

    def _inside(self, read: Callable[[], Expression]) -> Expression:
        opening = self._take()
        self._depth += 1
        if self._depth > DEEPEST:
            raise _unexpected(opening, f"at most {DEEPEST} parentheses and negations inside one another")
        expression = read()
        self._depth -= 1
        return expression

    def _group(self) -> Expression:
        expression = self._any()
        if self._next.kind != ")":
            raise _unexpected(self._next, "a closing )")
        self._take()
        return expression

    def _term(self) -> Expression:
        token = self._next
        if token.kind not in {"word", "quoted"} or (self._is_word("AND") or self._is_word("OR")):
            raise _unexpected(token, _TERM)
        self._take()
        if not self._is_attached(":") or token.kind == "quoted":
            return Says(said(token))
        self._take()
        operator = self._take() if self._is_attached("op") else None
        return term_of(token, operator, self._values(), self._now)

    def _values(self) -> list[Token]:
        values = [self._value()]
        while self._is_attached(","):
            self._take()
            values.append(self._value())
        return values

    def _value(self) -> Token:
        if self._next.kind not in {"word", "quoted"} or self._next.apart:
            raise _unexpected(self._next, "a value, with no space before it")
        return self._take()

    def _is_attached(self, kind: str) -> bool:
        return self._next.kind == kind and not self._next.apart

    def _is_word(self, word: str) -> bool:
        """Whether the next token is that word, and no field of that name."""
        if self._next.kind != "word" or self._next.text != word:
            return False
        after = self._tokens[self._at + 1]
        return after.kind != ":" or after.apart


def _unexpected(token: Token, expected: str) -> SearchError:
    return SearchError(token.position, expected, token.text)
