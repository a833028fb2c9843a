"""Rewriting of a text by tables and patterns, and its alignment with the raw text."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence

Span = tuple[int, int]  # start and end of a part of a text, in characters
Table = Mapping[int, str | None]  # for `str.translate`
Replacement = str | Callable[[re.Match[str]], str]  # for `re.sub`
MARKS = ("Mn", "Mc", "Me", "Cf")  # categories of characters that combine with the previous one
SKIN_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"


class Rewriting:
    """Text that is rewritten in steps.

    Attributes:
        text: the text after the last step.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def translate(self, table: Table) -> None:
        """Replace each character like `str.translate`."""
        self.text = self.text.translate(table)

    def substitute(self, pattern: re.Pattern[str], replacement: Replacement, others: Table | None = None) -> None:
        """Replace each match like `re.sub`, and characters outside the matches by a table."""
        if others is None:
            self.text = pattern.sub(replacement, self.text)
        else:
            self.text = "".join(self._parts(pattern, replacement, others))

    def _parts(self, pattern: re.Pattern[str], replacement: Replacement, others: Table | None) -> Iterator[str]:
        """Yield the text in parts: alternately the text outside the matches, and the replacement of a match."""
        start = 0
        for found in pattern.finditer(self.text):
            yield self._outside(start, found.start(), others)
            yield found.expand(replacement) if isinstance(replacement, str) else replacement(found)
            start = found.end()
        yield self._outside(start, len(self.text), others)

    def _outside(self, start: int, end: int, others: Table | None) -> str:
        part = self.text[start:end]
        return part if others is None else part.translate(others)


class Aligned(Rewriting):
    """Rewriting with an alignment of each character to the raw text.

    All characters of a replacement come from the whole part that it replaces, without the white space at its ends.

    Attributes:
        spans: the span in the raw text of each character of `text`, ascending.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.spans: list[Span] = [(place, place + 1) for place in range(len(text))]

    def translate(self, table: Table) -> None:
        """Replace each character like `str.translate`."""
        parts = [character.translate(table) for character in self.text]
        self.spans = [span for part, span in zip(parts, self.spans, strict=True) for _ in part]
        self.text = "".join(parts)

    def substitute(self, pattern: re.Pattern[str], replacement: Replacement, others: Table | None = None) -> None:
        """Replace like `Rewriting.substitute`."""
        parts = list(self._parts(pattern, replacement, others))
        spans, start = [], 0
        for found, put in zip(pattern.finditer(self.text), parts[1::2], strict=True):
            spans += self.spans[start:found.start()]
            start = found.end()
            if put == found[0]:
                spans += self.spans[found.start():start]
            else:
                inside = self.spans[found.start():start]
                shown = [span for span, character in zip(inside, found[0], strict=True)
                         if not character.isspace()] or inside
                spans += [(shown[0][0], shown[-1][1])] * len(put)
        self.spans = [*spans, *self.spans[start:]]
        self.text = "".join(parts)

    def word_spans(self, raw: str) -> list[Span]:
        """Return the span in the raw text of each space-separated word of `text`, without overlaps.

        Marks that belong to the last character of a word are part of it, although the model does not read them.
        """
        words = [(self.spans[word.start()][0], self.spans[word.end() - 1][1])
                 for word in re.finditer("[^ ]+", self.text)]
        found: list[Span] = []
        for (start, end), (following, _) in zip(words, [*words[1:], (len(raw), 0)], strict=False):
            start = max(start, found[-1][1] if found else 0)
            end = max(start, end)
            while end < following and (unicodedata.category(raw[end]) in MARKS or raw[end] in SKIN_TONES):
                end += 1
            found.append((start, end))
        return found


def pieces(text: str, spans: Sequence[Span]) -> list[tuple[str, int | None]]:
    """Return a text in pieces: each word with its index in `spans`, and the text between words with None.

    The pieces add up to the text.

    Args:
        text: the raw text.
        spans: of the words, ascending, without overlap.

    Example:
        >>> pieces("Not <b>bad</b>!", [(0, 3), (7, 10)])
        [('Not', 0), (' <b>', None), ('bad', 1), ('</b>!', None)]
    """
    found: list[tuple[str, int | None]] = []
    start = 0
    for place, (first, end) in enumerate(spans):
        found += [(text[start:first], None), (text[first:end], place)]
        start = end
    return [piece for piece in [*found, (text[start:], None)] if piece[0]]
