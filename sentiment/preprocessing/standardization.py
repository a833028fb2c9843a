"""From a raw text to a string of tokens separated by spaces, in the TensorFlow graph.

The rules, in order: lower case in Unicode; HTML tags and entities out; typographic apostrophes to `'`;
characters that do not show (soft hyphens, joiners, variation selectors) out; `!`, `?`, pictographs and
each Chinese or Japanese character a token of its own; every other sign but an apostrophe within a word
becomes a space, and so do control characters and NUL. Where sentences matter, a period or an ellipsis before white
space is kept as the word `.`; so are those of abbreviations.
"""

from typing import Any

import tensorflow as tf

# Each pair is a pattern of RE2 and its replacement; the order matters. What is a space already is not replaced by one:
# every match costs.
MARKUP: tuple[tuple[str, str], ...] = (
    (r"</?[a-z!][^<>]*>", " "),
    (r"&(apos|rsquo|lsquo|#0*39|#0*8217|#x0*27);", "'"),
    (r"&(#x?)?[a-z0-9]+;", " "),
    (r"[‘’‛ʼ`´＇]", "'"),
    (r"[\p{Cf}\x{FE00}-\x{FE0F}]+", ""),
)
SIGNS: tuple[tuple[str, str], ...] = (
    (r"([!?\p{So}\p{Han}\p{Hiragana}\p{Katakana}])", r" \1 "),
    (r"[^\p{L}\p{M}\p{N}\p{So}'!? ]+", " "),
    (r"(^| )'+", " "),
    (r"'+( |$)", " "),
)
# The same, but a period or an ellipsis before white space stays, as a private character until the other signs are out.
SIGNS_AND_PERIODS: tuple[tuple[str, str], ...] = (
    (r"""\x{E000}""", " "),
    (r"""(\.+|…|。)["')\]»”]*(\s|$)""", " \ue000 "),
    SIGNS[0],
    (r"[^\p{L}\p{M}\p{N}\p{So}'!? \x{E000}]+", " "),
    *SIGNS[2:],
    (r"\x{E000}", "."),
)


def standardize(texts: Any, *, periods: bool = False) -> Any:
    """Apply the rules to a string tensor of any shape; bytes that are no UTF-8 become U+FFFD.

    With `periods`, the period that ends a sentence stays as a word.
    """
    texts = tf.strings.regex_replace(texts, "\x00", " ")  # tf.strings.lower would end the text at a NUL
    texts = tf.strings.lower(texts, encoding="utf-8")
    for pattern, replacement in (*MARKUP, *(SIGNS_AND_PERIODS if periods else SIGNS)):
        texts = tf.strings.regex_replace(texts, pattern, replacement)
    return texts
