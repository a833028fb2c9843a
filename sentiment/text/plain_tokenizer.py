"""Tokenizer in plain Python, with the same ids as the TensorFlow graph.

The classes of characters (letters, symbols, ideographs) and their lower case are not those of Python, which has another
version of Unicode, but tables extracted from the graph (`sentiment.text.characters`).
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import chain, pairwise
from typing import Any, Self, TypeVar

from sentiment.batching import RESERVED_IDS, UNKNOWN_ID, TokenizedTexts
from sentiment.surrogates import Mender
from sentiment.text.rewriting import Aligned, Rewriting, Span

EMPTY = "[empty]"  # the displayed word of an empty text
LONGEST_WORD = 64  # characters, in a vocabulary and for display
SIGMA = "Σ"
PERIOD_MARK = "\ue000"
SPACES = "\t\n\f\r "  # white space of RE2
SIGNS, FACES = r":;=<>(+\-\\^*0-9", "otux"  # first characters of symbol tokens, and of faces with an underscore
LAST_BOUND = 0x110001  # above every code point, and the end of the last range
Item = TypeVar("Item")
ROUNDS = 2  # of the composition of character pairs
RANGES = ("hidden", "alone", "kept", "clusters", "marks")

MARKUP_1 = (  # of version 1 of the rules, and of exports without a version
    (r"</?[a-z!][^<>]*>", " "),
    (r"&(apos|rsquo|lsquo|#0*39|#0*8217|#x0*27);", "'"),
    (r"&(#x?)?[a-z0-9]+;", " "),
    (r"[‘’‛ʼ`´＇]", "'"),
)
MARKUP = (
    (r"</?[a-z!][^<>]*>", " "),
    (r"&(apos|rsquo|lsquo|#0*39|#0*8217|#x0*27);", "'"),
    (r"&lt;(/?3)", r"<\1"),
    (r"&(#x?)?[a-z0-9]+;", " "),
    (r"[‘’‛ʼ`´＇]", "'"),
    # One form of emoticons: without a nose, with one mouth.
    (r"([:;=]'?)[-~^]([()\[\]{}|/\\*$@dpoxsc3])", r"\1\2"),
    (r"([:;=]'?[()]|</?3)[()3]+", r"\1"),
)
# Symbol tokens (emoticons, ratings) in groups 1 and 3, in group 2 a letter that is kept after asterisks.
SYMBOLS = (
    r"(</?3\b|>?[:;]'?[()]|\B=[()]|\B>?[:;][\[\]{}|*$@]|\B[:;][dpoxsc3]\b|\B=[dp]\b|[:;=][/\\](?:[ \t\n\f\r]|$)"
    r"|\B\([:;]|\^[_.-]*\^|\B-_+-\B|\B-\.-\B|>[_.]+<|\b(?:o_+o|t_+t|u_+u|x_+x)\b|\B\\o/\B"
    r"|\b[0-9]{1,4}/[0-9]{1,2}/[0-9]{1,4}\b|\b[0-9]{1,2}(?:[.,][0-9]{1,2})?/(?:5|10|100)\b"
    r"|\B[+-][0-9]{1,2}(?:/(?:5|10|100))?\b|\B\*{1,5}(?:½|1/2\b))"
    r"|\*+([a-z0-9])|\*{6,}|\b\*+|(\*{2,5})"
)
# Only these patterns of an export are accepted: others could run forever, or expand a text to gigabytes.
KNOWN_MARKUP, KNOWN_SYMBOLS = (MARKUP_1, MARKUP), (None, SYMBOLS)
LONGEST_VARIANT = 4  # maximum characters of a lower-cased character
PERIOD = re.compile(rf"""(\.+|…|。)["')\]»”]*([{SPACES}]|\Z)""")
QUOTES = ((re.compile(r"(^| )'+"), " "), (re.compile(r"'+( |\Z)"), " "))


@dataclass(frozen=True)
class Ranges:
    """Set of characters as ranges of code points.

    Attributes:
        bounds: ascending code points, at which membership alternately begins and ends.
    """

    bounds: tuple[int, ...]

    def __contains__(self, code: int) -> bool:
        return bisect_right(self.bounds, code) % 2 == 1

    @property
    def pattern(self) -> str:
        """Pattern that matches one of these characters."""
        return "[" + "".join(f"{re.escape(chr(first))}-{re.escape(chr(last - 1))}" for first, last
                             in zip(self.bounds[::2], self.bounds[1::2], strict=True)) + "]"


@dataclass(frozen=True)
class Variants:
    """Replacements of variants of letters.

    Attributes:
        single: of single characters.
        pairs: of pairs of a letter and a mark.
    """

    single: dict[str, str] = field(default_factory=dict)
    pairs: dict[str, str] = field(default_factory=dict)

    def unify(self, text: Rewriting) -> None:
        """Replace the variants of letters by one form."""
        if text.text.isascii():
            return
        text.translate(self._translation)
        for _ in range(ROUNDS if self.pairs and self._marks.search(text.text) else 0):
            text.substitute(self._pattern, lambda pair: self.pairs.get(pair[0], pair[0]))

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
    """Character tables and patterns of a tokenizer.

    Attributes:
        lower: the lower case of each character that has one.
        hidden: characters that are removed.
        alone: characters that are single tokens.
        kept: characters of words, and most of `alone`; all others are replaced by spaces.
        clusters: characters that form a token with the following marks.
        marks: those marks.
        variants: of letters.
        markup: patterns and their replacements, which are applied first.
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
    markup: tuple[tuple[str, str], ...] = MARKUP_1
    signs: str | None = None

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read the values of `to_json`, also those of version 1 of the rules.

        Raises:
            ValueError: for invalid tables, and for patterns that are not of this module.
        """
        ranges = {name: Ranges(tuple(values.get(name, ()))) for name in RANGES}
        if not all(len(one.bounds) % 2 == 0 and all(low < high for low, high in pairwise((-1, *one.bounds, LAST_BOUND)))
                   for one in ranges.values()):
            raise ValueError("its ranges of characters are not ascending")
        if not {*values.get("variants", ())} <= {"single", "pairs"}:
            raise ValueError("its variants of letters are unknown")
        variants = Variants(**{name: dict(table) for name, table in values.get("variants", {}).items()})
        for table, length in ((values["lower"], 1), (variants.single, 1), (variants.pairs, 2)):
            if not all(len(key) == length and len(put) <= LONGEST_VARIANT for key, put in table.items()):
                raise ValueError("its tables of characters contain longer texts")
        markup = tuple((pattern, *put) for pattern, *put in values.get("markup", MARKUP_1))
        if markup not in KNOWN_MARKUP or values.get("signs") not in KNOWN_SYMBOLS:
            raise ValueError("its patterns are of another version; export the model again")
        return cls(lower=dict(values["lower"]), **ranges, variants=variants, markup=markup, signs=values.get("signs"))

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"lower": self.lower, **{name: getattr(self, name).bounds for name in RANGES},
                "variants": asdict(self.variants), "markup": self.markup, "signs": self.signs}


class _Table(dict[int, str | None]):
    """Table for `str.translate` that computes its entries on first use."""

    def __init__(self, replaced: Callable[[int], str | None]) -> None:
        super().__init__()
        self.replaced = replaced

    def __missing__(self, code: int) -> str | None:
        self[code] = self.replaced(code)
        return self[code]


class PlainTokenizer:
    """Tokenizer with the ids of `sentiment.text.TextPreprocessor`.

    Args:
        words: the vocabulary, from id 2 on.
        characters: the tables.
        head, tail: the number of tokens kept at the start and at the end of a longer text.
        periods: whether the period at the end of a sentence is a word.
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
        # A lookahead for the first character is much faster than the alternatives; few texts have a face such as o_o.
        self._signs, self._signs_and_faces = (re.compile(f"(?=[{first}])(?:{characters.signs})", re.ASCII)
                                              if characters.signs else None for first in (SIGNS, SIGNS + FACES))

    def tokenize(self, texts: Sequence[str]) -> TokenizedTexts:
        """Return the ids of raw texts."""
        return TokenizedTexts.from_ids([self.ids(text) for text in texts])

    def ids(self, text: str) -> list[int]:
        """Return the ids of a text, at least one."""
        return [self.places.get(word, UNKNOWN_ID) for word in self._kept(text)] or [UNKNOWN_ID]

    def words_read(self, text: str) -> list[str]:
        """Return the words of `ids` for display; long words are truncated, an empty text is `[empty]`."""
        return [word if len(word) <= LONGEST_WORD else word[:LONGEST_WORD - 1] + "…"
                for word in self._kept(text)] or [EMPTY]

    def spans(self, text: str) -> list[Span]:
        """Return where each of the words that `words_read` returns is in the raw text: start and end, in characters.

        The spans rise and do not overlap; that of a text without a word is the whole text.

        Example:
            >>> import sentiment
            >>> from sentiment.shipped import shipped_export
            >>> tokenizer = sentiment.load(shipped_export()).preprocessor
            >>> text = "It ISN&#39;T bad.<br />GREAT!"
            >>> [text[start:end] for start, end in tokenizer.spans(text)]
            ['It', 'ISN&#39;T', 'bad', 'GREAT', '!']
        """
        aligned = Aligned(text)
        self._rewrite(aligned)
        return self._ends(aligned.word_spans(text)) or [(0, len(text))]

    def words(self, text: str) -> list[str]:
        """Return all tokens of a text."""
        rewriting = Rewriting(text)
        self._rewrite(rewriting)
        return [word for word in rewriting.text.split(" ") if word]

    def _rewrite(self, text: Rewriting) -> None:
        """Turn a raw text into its tokens, separated by spaces."""
        text.text = Mender().text(text.text).replace("\0", " ")
        self.characters.variants.unify(text)
        text.text = _lower_sigmas(text.text)
        text.translate(self._lowered)
        for pattern, replacement in self._markup:
            text.substitute(pattern, replacement)
        text.translate(self._hidden)
        if self.periods:
            text.text = text.text.replace(PERIOD_MARK, " ")
            text.substitute(PERIOD, f" {PERIOD_MARK} ")
        text.translate(self._padded)
        if self._clusters is not None:
            text.substitute(self._clusters, r" \1 ")
        signs = self._signs_and_faces if "_" in text.text else self._signs
        if signs is None:
            text.translate(self._signs_out)
        else:
            text.substitute(signs, _symbol, others=self._signs_out)
        for quotes, space in QUOTES:
            text.substitute(quotes, space)
        text.text = text.text.replace(PERIOD_MARK, ".")

    def _kept(self, text: str) -> list[str]:
        return self._ends(self.words(text))

    def _ends(self, words: list[Item]) -> list[Item]:
        """Return the words, or of too many the first and last ones."""
        if len(words) <= self.head + self.tail:
            return words
        return [*words[:self.head], *words[len(words) - self.tail:]]


def _symbol(found: re.Match[str]) -> str:
    """Return a symbol token as a word, and the letter that is kept after asterisks."""
    whole, letter, stars = (group or "" for group in found.groups())
    return f" {whole.rstrip(SPACES)}{stars} {letter}"


def _lower_sigmas(text: str) -> str:
    """Lower each sigma by its position in a word, with Python's rule."""
    if SIGMA not in text:
        return text
    parts = text.split(SIGMA)
    whole = text.lower()
    ends = [len(SIGMA.join(parts[:number]).lower()) for number in range(1, len(parts))]
    return "".join(chain.from_iterable(zip(parts, [*(whole[end] for end in ends), ""], strict=True)))
