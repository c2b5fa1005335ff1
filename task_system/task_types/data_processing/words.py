"""Statistics of prose, piece by piece."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import TextIO

from task_system.task_types.data_processing.models import TextStatistics, WordCount

#: Letters and digits of any script; apostrophes and hyphens inside belong to the word.
_WORD = re.compile(r"\w+(?:['\u2019\-]\w+)*")
#: Full stop, exclamation and question mark and ellipsis, Latin or CJK, after a word and the quotes that it may close.
_SENTENCE_END = re.compile(r"\w[\"'\u201d\u2019)\]]*[.!?\u2026\u3002\uff01\uff1f]+(?!\w)")

_PIECE_CHARACTERS = 64 * 1024
_MOST_COMMON = 10
_SHOWN_CHARACTERS = 100


def pieces(stream: TextIO) -> Iterator[str]:
    """A text line by line, and long lines in pieces that end between words, so that none takes long to count.

    Only what has no space for 65,536 characters is cut anywhere. `stream` translates line breaks to `\\n`.
    """
    rest = ""
    while part := stream.readline(_PIECE_CHARACTERS):
        part = rest + part
        end = len(part) if part.endswith("\n") else part.rfind(" ") + 1 or len(part)
        rest = part[end:]
        yield part[:end]
    if rest:
        yield rest


class WordStatistics:
    """Takes the pieces of a text and knows its statistics at any time."""

    def __init__(self) -> None:
        #: How many words there were so far.
        self.words = 0
        self._characters = 0
        self._lines = 0
        self._in_line = False
        self._sentences = 0
        self._letters = 0
        self._longest = ""
        self._counts: Counter[str] = Counter()

    def add(self, piece: str) -> None:
        """A line with its line break, or a part of one that ends between words."""
        self._lines += not self._in_line
        self._in_line = not piece.endswith("\n")
        self._characters += len(piece)
        self._sentences += sum(1 for _ in _SENTENCE_END.finditer(piece))
        words = _WORD.findall(piece)
        self.words += len(words)
        self._counts.update(map(str.casefold, words))
        self._letters += sum(map(len, words))
        self._longest = max([self._longest, *words], key=len)

    def result(self) -> TextStatistics:
        """The statistics of what was added."""
        return TextStatistics(
            characters=self._characters,
            words=self.words,
            distinct_words=len(self._counts),
            lines=self._lines,
            sentences=self._sentences,
            mean_word_length=self._letters / self.words if self.words else None,
            longest_word=_shortened(self._longest) or None,
            most_common=[
                WordCount(word=_shortened(word), count=count) for word, count in self._counts.most_common(_MOST_COMMON)
            ],
        )


def _shortened(word: str) -> str:
    return word if len(word) <= _SHOWN_CHARACTERS else word[:_SHOWN_CHARACTERS] + "…"
