"""Text to tokens: each knows where it stands, so that every error can say where."""

import re
from dataclasses import dataclass

#: Of one search, in characters.
LONGEST = 1000


class SearchError(Exception):
    """The text is no search. `position` counts characters from 0; `expected` says what could stand there."""

    def __init__(self, position: int, expected: str, found: str = "") -> None:
        self.position = position
        self.expected = expected
        there = f"found {found!r}" if found else "the text ends"
        super().__init__(f"at position {position} {there}; expected {expected}")


@dataclass(frozen=True, slots=True)
class Token:
    """kind: `(`, `)`, `-`, `:`, `,`, an operator as `op`, `word`, `quoted`, or `end`."""

    kind: str
    text: str
    position: int
    #: Where it ends.
    end: int
    #: Whether a space, or nothing at all, stands before it.
    apart: bool


_SPACE = re.compile(r"\s*")
_OPERATOR = re.compile(r"<=|>=|<|>|=")
_WORD = re.compile(r"[^\s():,<>=\"]+")
#: A value may have colons in it: times, ids, and URLs.
_VALUE = re.compile(r"[^\s(),<>=\"]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def tokens(text: str) -> list[Token]:
    """All tokens, the last of them `end`. Raises SearchError."""
    if len(text) > LONGEST:
        raise SearchError(LONGEST, f"at most {LONGEST} characters", text[LONGEST])
    if "\0" in text:
        raise SearchError(text.index("\0"), "text without the character U+0000", "\0")
    found: list[Token] = []
    at = 0
    while True:
        start, at = at, _after_space(text, at)
        apart = at > start or not found
        if at == len(text):
            return [*found, Token("end", "", at, at, apart)]
        token = _token(text, at, apart, bool(found) and not apart and found[-1].kind in {":", ",", "op"})
        at = token.end
        found.append(token)


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    assert space
    return space.end()


def _token(text: str, at: int, apart: bool, value: bool) -> Token:
    """The token that begins there; `value`: whether it follows a colon, a comma or an operator."""
    character = text[at]
    if character in "():," or (character == "-" and not value and _may_begin(text, at)):
        return Token(character, character, at, at + 1, apart)
    if operator := _OPERATOR.match(text, at):
        return Token("op", operator[0], at, operator.end(), apart)
    if character == '"':
        quoted = _QUOTED.match(text, at)
        if quoted is None:
            raise SearchError(len(text), 'a closing "')
        return Token("quoted", _ESCAPED.sub(r"\1", quoted[1]), at, quoted.end(), apart)
    word = (_VALUE if value else _WORD).match(text, at)
    assert word
    return Token("word", word[0], at, word.end(), apart)


def _may_begin(text: str, at: int) -> bool:
    """Whether a term may begin here: at the beginning, after a space, a parenthesis or another minus."""
    return at == 0 or text[at - 1].isspace() or text[at - 1] in "(-"
