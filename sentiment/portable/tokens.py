"""The preprocessor in plain Python: the same ids as the TensorFlow graph gives, character tables included.

What a character is (a letter, a sign, an ideograph) and how it is lowered is not looked up in Python, whose Unicode is
of another version, but in tables that were read off the graph when the model was exported
(`sentiment.export.characters`).
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

from sentiment.batching import RESERVED_IDS, UNKNOWN_ID

SIGMA = "Σ"
PERIOD_MARK = "\ue000"
SPACES = "\t\n\f\r "  # what RE2 calls white space

MARKUP = (
    (re.compile(r"</?[a-z!][^<>]*>"), " "),
    (re.compile(r"&(apos|rsquo|lsquo|#0*39|#0*8217|#x0*27);"), "'"),
    (re.compile(r"&(#x?)?[a-z0-9]+;"), " "),
    (re.compile("[‘’‛ʼ`´＇]"), "'"),
)
PERIOD = re.compile(rf"""(\.+|…|。)["')\]»”]*([{SPACES}]|\Z)""")
QUOTES = ((re.compile(r"(^| )'+"), " "), (re.compile(r"'+( |\Z)"), " "))


@dataclass(frozen=True)
class Ranges:
    """A set of characters as ranges.

    Attributes:
        bounds: rising code points, at which membership begins and ends in turn.
    """

    bounds: tuple[int, ...]

    def __contains__(self, code: int) -> bool:
        return bisect_right(self.bounds, code) % 2 == 1


@dataclass(frozen=True)
class Characters:
    """The tables of characters.

    Attributes:
        lower: what a character is lowered to, where that is another.
        hidden: characters that are left out.
        alone: characters that are a token each.
        kept: characters of words, and most of `alone`; all others become spaces.
    """

    lower: dict[str, str]
    hidden: Ranges
    alone: Ranges
    kept: Ranges

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read what `to_json` gave."""
        return cls(dict(values["lower"]), *(Ranges(tuple(values[name])) for name in ("hidden", "alone", "kept")))

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {"lower": self.lower, "hidden": self.hidden.bounds, "alone": self.alone.bounds,
                "kept": self.kept.bounds}


class _Hidden(dict[int, str | None]):
    """A table for `str.translate` that leaves out a set of characters."""

    def __init__(self, hidden: Ranges) -> None:
        super().__init__()
        self.hidden = hidden

    def __missing__(self, code: int) -> str | None:
        self[code] = None if code in self.hidden else chr(code)
        return self[code]


class _Replaced(dict[int, str | None]):
    """A table for `str.translate` that is filled as characters come up."""

    def __init__(self, characters: Characters, marks: str) -> None:
        super().__init__()
        self.characters = characters
        self.marks = marks

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        if code in self.characters.hidden:
            replaced = None
        elif code not in self.characters.kept and character not in self.marks:
            replaced = " "
        else:
            replaced = f" {character} " if code in self.characters.alone else character
        self[code] = replaced
        return replaced


class PlainTokenizer:
    """Texts to ids as `sentiment.preprocessing.TextPreprocessor` makes them.

    Args:
        words: the vocabulary, from id 2 on.
        characters: the tables.
        head, tail: how many tokens are kept at the start and at the end of a longer text.
        periods: whether the period that ends a sentence is a word.
    """

    def __init__(self, words: Sequence[str], characters: Characters, *, head: int, tail: int, periods: bool) -> None:
        self.places = {word: place for place, word in enumerate(words, start=RESERVED_IDS)}
        self.characters = characters
        self.head = head
        self.tail = tail
        self.periods = periods
        self._lowered = str.maketrans(characters.lower)
        self._hidden: dict[int, str | None] = _Hidden(characters.hidden)
        self._replaced = _Replaced(characters, PERIOD_MARK if periods else "")

    def ids(self, text: str) -> list[int]:
        """Return the ids of a text, at least one."""
        return [self.places.get(word, UNKNOWN_ID) for word in self._kept(text)] or [UNKNOWN_ID]

    def words_read(self, text: str) -> list[str]:
        """Return the words that `ids` looks up; `[empty]` for a text without a word."""
        return self._kept(text) or ["[empty]"]

    def words(self, text: str) -> list[str]:
        """Return all tokens of a text."""
        text = text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ")
        text = self._lower(text)
        for pattern, replacement in MARKUP:
            text = pattern.sub(replacement, text)
        text = text.translate(self._hidden)
        if self.periods:
            text = PERIOD.sub(f" {PERIOD_MARK} ", text.replace(PERIOD_MARK, " "))
        text = text.translate(self._replaced)
        for pattern, replacement in QUOTES:
            text = pattern.sub(replacement, text)
        return [word for word in text.replace(PERIOD_MARK, ".").split(" ") if word]

    def _kept(self, text: str) -> list[str]:
        words = self.words(text)
        if len(words) <= self.head + self.tail:
            return words
        return [*words[:self.head], *words[len(words) - self.tail:]]

    def _lower(self, text: str) -> str:
        """Lower each character by the table, and a sigma by where it stands, which Python knows."""
        if SIGMA not in text:
            return text.translate(self._lowered)
        parts = text.split(SIGMA)
        ends = [len(SIGMA.join(parts[:number]).lower()) for number in range(1, len(parts))]
        whole = text.lower()
        sigmas = [whole[end] for end in ends]
        lowered = [part.translate(self._lowered) for part in parts]
        return "".join(chain.from_iterable(zip(lowered, [*sigmas, ""], strict=True)))
