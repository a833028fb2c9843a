"""Text standardization in the TensorFlow graph, from a raw text to tokens separated by spaces.

The rules, in order: variants of a letter are unified (`sentiment.text.variants`) and lower-cased (Unicode); HTML tags
and entities are removed; typographic apostrophes become `'`; invisible characters (soft hyphens, joiners, variation
selectors), Arabic vowel marks and tatweel are removed; `!`, `?`, pictographs, each Chinese or Japanese character, and
each letter with its marks of a script without spaces between words (Thai, Lao, Khmer, Burmese) are single tokens;
emoticons, hearts, signed numbers of up to two digits, ratings out of five, ten or a hundred, and dates in digits are
tokens; all other symbols except an apostrophe within a word, control characters and NUL become spaces. If sentences
matter, a period or an ellipsis before white space is kept as the word `.`; so are those of abbreviations.

Rules have a version, which is part of the configuration of a run, so that a model keeps the rules of its training.
Version 1 has neither variants of letters nor symbol tokens, and a Thai sentence is one word.
"""

from functools import cache
from typing import Any, NamedTuple

import tensorflow as tf

from sentiment.text.plain_tokenizer import MARKUP as SHARED_MARKUP
from sentiment.text.plain_tokenizer import MARKUP_1 as SHARED_MARKUP_1
from sentiment.text.plain_tokenizer import SYMBOLS
from sentiment.text.variants import one_form

Replacements = tuple[tuple[str, str], ...]

# Each pair is an RE2 pattern and its replacement; the order matters. Spaces are not replaced by spaces, because every
# match costs time. Patterns that `PlainTokenizer` also uses are valid in Python.
MARKUP: Replacements = (
    *SHARED_MARKUP,
    (r"[\p{Cf}\x{FE00}-\x{FE0F}\x{0640}\x{064B}-\x{065F}\x{0670}\x{06D6}-\x{06DC}\x{06DF}-\x{06E8}\x{06EA}-\x{06ED}]+",
     ""),
)
# Symbol tokens begin only with symbols in the last class of the third pattern, in which each symbol is a match.
SIGNS: Replacements = (
    (r"([!?\p{So}\p{Han}\p{Hiragana}\p{Katakana}])", r" \1 "),
    (r"([\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tai_Le}\p{New_Tai_Lue}\p{Tai_Tham}\p{Javanese}\p{Balinese}]\p{M}*)",
     r" \1 "),
    (SYMBOLS + r"|[^\p{L}\p{M}\p{N}\p{So}'!? :;=<>(+\-\\^*]+|[:;=<>(+\-\\^*]", r" \1\3 \2"),
    (r"(^| )'+", " "),
    (r"'+( |$)", " "),
)
# Version 1 is separate, because it must not change with version 2.
MARKUP_1: Replacements = (*SHARED_MARKUP_1, (r"[\p{Cf}\x{FE00}-\x{FE0F}]+", ""))
SIGNS_1: Replacements = (
    (r"([!?\p{So}\p{Han}\p{Hiragana}\p{Katakana}])", r" \1 "),
    (r"[^\p{L}\p{M}\p{N}\p{So}'!? ]+", " "),
    (r"(^| )'+", " "),
    (r"'+( |$)", " "),
)
PERIOD = "\ue000"  # placeholder of a kept period, until all other symbols are removed
KEPT_SIGNS = "'!? "


class Rules(NamedTuple):
    """Version of the rules: whether variants of letters are unified, and the replacements in order."""

    variants: bool
    markup: Replacements
    signs: Replacements

    @property
    def signs_and_periods(self) -> Replacements:
        """`signs`, except that a period or an ellipsis before white space is kept."""
        return ((r"\x{E000}", " "), (r"""(\.+|…|。)["')\]»”]*(\s|$)""", f" {PERIOD} "),
                *((pattern.replace(KEPT_SIGNS, KEPT_SIGNS + r"\x{E000}", 1), replacement)
                  for pattern, replacement in self.signs), (r"\x{E000}", "."))


RULES = {1: Rules(False, MARKUP_1, SIGNS_1), 2: Rules(True, MARKUP, SIGNS)}
NEWEST = max(RULES)


def standardize(texts: Any, *, periods: bool = False, rules: int = NEWEST) -> Any:
    """Apply the rules to a string tensor of any shape; bytes that are not UTF-8 become U+FFFD.

    Args:
        texts: the tensor.
        periods: whether the period at the end of a sentence is kept as a word.
        rules: their version.
    """
    texts = tf.convert_to_tensor(texts, tf.string)
    return tf.reshape(_function(periods, rules)(tf.reshape(texts, [-1])), tf.shape(texts))


@cache
def _function(periods: bool, rules: int) -> Any:
    """Return the rules as a function of string [texts], shared by all graphs of the process: tracing it is slow."""
    chosen = RULES[rules]

    def apply(texts: Any) -> Any:
        texts = tf.strings.regex_replace(texts, "\x00", " ")  # tf.strings.lower would end the text at a NUL
        if chosen.variants:
            texts = one_form(texts)
        texts = tf.strings.lower(texts, encoding="utf-8")
        for pattern, replacement in (*chosen.markup, *(chosen.signs_and_periods if periods else chosen.signs)):
            texts = tf.strings.regex_replace(texts, pattern, replacement)
        return texts

    return tf.function(apply, input_signature=[tf.TensorSpec([None], tf.string)])
