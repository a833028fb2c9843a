"""Character tables of the TensorFlow graph, for tokenizers without TensorFlow."""

from functools import cache

import numpy as np
import tensorflow as tf

from sentiment.text.plain_tokenizer import Characters, Ranges
from sentiment.text.standardization import RULES
from sentiment.text.variants import variants

SURROGATES = range(0xD800, 0xE000)
CODES = [code for code in range(1, 0x110000) if code not in SURROGATES]
MARKS = r"\p{M}"
OTHER_SIGNS = "|[^"  # start of the character class of symbols, after the symbol tokens


@cache
def characters_of_the_graph(rules: int) -> Characters:
    """Return the tables of all Unicode characters except NUL, computed by the graph's ICU and RE2.

    Args:
        rules: the version of the tokenization rules.
    """
    chosen = RULES[rules]
    *markup, (hidden, _) = chosen.markup
    texts = tf.constant([chr(code).encode("utf-8") for code in CODES])
    lowered = tf.strings.lower(texts, encoding="utf-8")
    changed = tf.where(lowered != texts)[:, 0].numpy()
    lower = {chr(CODES[place]): lowered[place].numpy().decode("utf-8") for place in changed}
    alone = _matching(texts, chosen.signs[0][0])
    if not chosen.variants:
        return Characters(lower, _matching(texts, hidden), alone, _matching(texts, chosen.signs[1][0], negated=True))
    symbol_tokens, others = chosen.signs[2][0].split(OTHER_SIGNS)
    return Characters(lower, _matching(texts, hidden), alone,
                      kept=_matching(texts, OTHER_SIGNS[1:] + others, negated=True),
                      clusters=_matching(texts, chosen.signs[1][0]), marks=_matching(texts, MARKS),
                      variants=variants(), markup=tuple(markup), signs=symbol_tokens)


def _matching(texts: tf.Tensor, pattern: str, *, negated: bool = False) -> Ranges:
    """Return the characters that a pattern matches, or does not match."""
    inside = tf.strings.regex_full_match(texts, pattern).numpy() != negated
    table = np.zeros(0x110000 + 1, np.int8)
    table[np.asarray(CODES)[inside]] = 1
    return Ranges(tuple((np.flatnonzero(np.diff(table)) + 1).tolist()))
