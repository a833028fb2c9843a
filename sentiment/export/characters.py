"""Read off the TensorFlow graph how it treats each character."""

from functools import cache

import numpy as np
import tensorflow as tf

from sentiment.portable.tokens import Characters, Ranges
from sentiment.preprocessing.standardization import MARKUP, SIGNS

SURROGATES = range(0xD800, 0xE000)
CODES = [code for code in range(1, 0x110000) if code not in SURROGATES]
HIDDEN, ALONE, OTHERS = MARKUP[-1][0], SIGNS[0][0], SIGNS[1][0]


@cache
def characters_of_the_graph() -> Characters:
    """Return the tables for all characters of Unicode but NUL, as the graph's ICU and RE2 know them."""
    texts = tf.constant([chr(code).encode("utf-8") for code in CODES])
    lowered = tf.strings.lower(texts, encoding="utf-8")
    changed = tf.where(lowered != texts)[:, 0].numpy()
    lower = {chr(CODES[place]): lowered[place].numpy().decode("utf-8") for place in changed}
    return Characters(lower, _matching(texts, HIDDEN), _matching(texts, ALONE), _matching(texts, OTHERS, negated=True))


def _matching(texts: tf.Tensor, pattern: str, *, negated: bool = False) -> Ranges:
    """Return the characters that a pattern matches as a whole, or does not match."""
    inside = tf.strings.regex_full_match(texts, pattern).numpy() != negated
    table = np.zeros(0x110000 + 1, np.int8)
    table[np.asarray(CODES)[inside]] = 1
    return Ranges(tuple((np.flatnonzero(np.diff(table)) + 1).tolist()))
