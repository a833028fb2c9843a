"""The preprocessor in plain Python: the same ids as the TensorFlow graph gives, character tables included.

What a character is (a letter, a sign, an ideograph) and how it is lowered is not looked up in Python, whose Unicode is
of another version, but in tables that were read off the graph when the model was exported
(`sentiment.export.characters`).
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any, Self

from sentiment.batching import RESERVED_IDS, UNKNOWN_ID, TokenizedTexts

EMPTY = "[empty]"  # stands for a text without a word, where words are shown
LONGEST_WORD = 64  # characters; no longer one is in a vocabulary, or shown as a whole
SIGMA = "Σ"
PERIOD_MARK = "\ue000"
SPACES = "\t\n\f\r "  # what RE2 calls white space
SIGNS, FACES = r":;=<>(+\-\\^*0-9", "otux"  # what symbol tokens begin with, and faces with an underscore
ROUNDS = 2  # in which pairs of characters become one
RANGES = ("hidden", "alone", "kept", "clusters", "marks")

MARKUP = (  # of exports that do not hold their own
    (r"</?[a-z!][^<>]*>", " "),
    (r"&(apos|rsquo|lsquo|#0*39|#0*8217|#x0*27);", "'"),
    (r"&(#x?)?[a-z0-9]+;", " "),
    (r"[‘’‛ʼ`´＇]", "'"),
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

    @property
    def pattern(self) -> str:
        """A pattern that matches one of these characters."""
        return "[" + "".join(f"{re.escape(chr(first))}-{re.escape(chr(last - 1))}" for first, last
                             in zip(self.bounds[::2], self.bounds[1::2], strict=True)) + "]"


@dataclass(frozen=True)
class Variants:
    """Characters and pairs of them that are variants of one.

    Attributes:
        single: what a character is replaced by.
        pairs: what a letter and a mark become.
    """

    single: dict[str, str] = field(default_factory=dict)
    pairs: dict[str, str] = field(default_factory=dict)

    def one_form(self, text: str) -> str:
        """Return a text with one form for each letter."""
        if text.isascii():
            return text
        text = text.translate(self._translation)
        for _ in range(ROUNDS if self.pairs and self._marks.search(text) else 0):
            text = self._pattern.sub(lambda pair: self.pairs.get(pair[0], pair[0]), text)
        return text

    @cached_property
    def _translation(self) -> dict[int, str]:
        return str.maketrans(self.single)

    @cached_property
    def _marks(self) -> re.Pattern[str]:
        return re.compile("[" + "".join(map(re.escape, sorted({pair[1] for pair in self.pairs}))) + "]")

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(f".{self._marks.pattern}", re.DOTALL)


@dataclass(frozen=True)
class Characters:
    """The tables of characters, and the patterns that are no tables.

    Attributes:
        lower: what a character is lowered to, where that is another.
        hidden: characters that are left out.
        alone: characters that are a token each.
        kept: characters of words, and most of `alone`; all others become spaces.
        clusters: characters that are a token together with the marks behind them.
        marks: those marks.
        variants: letters of which there are several forms.
        markup: patterns and their replacements, before anything else.
        signs: pattern of symbol tokens (emoticons, ratings): groups 1 and 3 are the token, group 2 a letter kept after
            asterisks; None for none.
    """

    lower: dict[str, str]
    hidden: Ranges
    alone: Ranges
    kept: Ranges
    clusters: Ranges = Ranges(())
    marks: Ranges = Ranges(())
    variants: Variants = Variants()
    markup: tuple[tuple[str, str], ...] = MARKUP
    signs: str | None = None

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read what `to_json` gave, or gave in version 1 of the rules."""
        hidden, alone, kept, clusters, marks = (Ranges(tuple(values.get(name, ()))) for name in RANGES)
        markup = tuple((str(pattern), str(put)) for pattern, put in values.get("markup", MARKUP))
        return cls(dict(values["lower"]), hidden, alone, kept, clusters, marks, Variants(**values.get("variants", {})),
                   markup, values.get("signs"))

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {"lower": self.lower, **{name: getattr(self, name).bounds for name in RANGES},
                "variants": asdict(self.variants), "markup": self.markup, "signs": self.signs}


class _Table(dict[int, str | None]):
    """A table for `str.translate` that is filled as characters come up."""

    def __init__(self, replaced: Callable[[int], str | None]) -> None:
        super().__init__()
        self.replaced = replaced

    def __missing__(self, code: int) -> str | None:
        self[code] = self.replaced(code)
        return self[code]


class PlainTokenizer:
    """Texts to ids as `sentiment.text.TextPreprocessor` makes them.

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
        mark = PERIOD_MARK if periods else ""
        self._lowered = str.maketrans(characters.lower)
        self._hidden = _Table(lambda code: None if code in characters.hidden else chr(code))
        self._padded = _Table(lambda code: f" {chr(code)} " if code in characters.alone else chr(code))
        self._signs_out = _Table(lambda code: chr(code) if code in characters.kept or chr(code) == mark else " ")
        self._markup = [(re.compile(pattern, re.ASCII), put) for pattern, put in characters.markup]
        self._clusters = re.compile(f"({characters.clusters.pattern}{characters.marks.pattern}*)") \
            if characters.clusters.bounds else None
        # A look at the first character is much faster than all alternatives; few texts have a face such as o_o.
        self._signs, self._signs_and_faces = (re.compile(f"(?=[{first}])(?:{characters.signs})", re.ASCII)
                                              if characters.signs else None for first in (SIGNS, SIGNS + FACES))

    def tokenize(self, texts: Sequence[str]) -> TokenizedTexts:
        """Return the ids of raw texts."""
        return TokenizedTexts.from_ids([self.ids(text) for text in texts])

    def ids(self, text: str) -> list[int]:
        """Return the ids of a text, at least one."""
        return [self.places.get(word, UNKNOWN_ID) for word in self._kept(text)] or [UNKNOWN_ID]

    def words_read(self, text: str) -> list[str]:
        """Return the words that `ids` looks up, to show them; long ones are cut, a text without a word is `[empty]`."""
        return [word if len(word) <= LONGEST_WORD else word[:LONGEST_WORD - 1] + "…"
                for word in self._kept(text)] or [EMPTY]

    def words(self, text: str) -> list[str]:
        """Return all tokens of a text."""
        text = text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ")
        text = self._lower(self.characters.variants.one_form(text))
        for pattern, replacement in self._markup:
            text = pattern.sub(replacement, text)
        text = text.translate(self._hidden)
        if self.periods:
            text = PERIOD.sub(f" {PERIOD_MARK} ", text.replace(PERIOD_MARK, " "))
        text = text.translate(self._padded)
        if self._clusters is not None:
            text = self._clusters.sub(r" \1 ", text)
        text = self._without_signs(text)
        for quotes, replacement in QUOTES:
            text = quotes.sub(replacement, text)
        return [word for word in text.replace(PERIOD_MARK, ".").split(" ") if word]

    def _without_signs(self, text: str) -> str:
        """Turn signs into spaces, but keep symbol tokens."""
        signs = self._signs_and_faces if "_" in text else self._signs
        if signs is None:
            return text.translate(self._signs_out)
        parts, start = [], 0
        for found in signs.finditer(text):
            whole, letter, stars = (group or "" for group in found.groups())
            parts += [text[start:found.start()].translate(self._signs_out), f" {whole.rstrip(SPACES)}{stars} {letter}"]
            start = found.end()
        return "".join([*parts, text[start:].translate(self._signs_out)])

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
