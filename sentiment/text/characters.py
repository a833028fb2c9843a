"""Character tables of the TensorFlow graph, for tokenizers without TensorFlow."""

from collections.abc import Sequence
from functools import cache, partial

import numpy as np
import tensorflow as tf

from sentiment.text.plain_tokenizer import Characters, Ranges
from sentiment.text.standardization import RULES
from sentiment.text.variants import variants

ASCII, UNICODE = 0x80, 0x110000  # code points before their end
SURROGATES = range(0xD800, 0xE000)
MARKS = r"\p{M}"
OTHER_SIGNS = "|[^"  # start of the character class of symbols, after the symbol tokens


@cache
def characters_of_the_graph(rules: int, end: int = UNICODE) -> Characters:
    """Return the tables of Unicode characters except NUL, computed by the graph's ICU and RE2.

    Args:
        rules: the version of the tokenization rules.
        end: the first omitted code point; the tables of all Unicode take half a second.
    """
    chosen = RULES[rules]
    *markup, (hidden, _) = chosen.markup
    codes = [code for code in range(1, end) if code not in SURROGATES]
    texts = tf.constant([chr(code).encode("utf-8") for code in codes])
    matching = partial(_matching, codes, texts)
    lowered = tf.strings.lower(texts, encoding="utf-8")
    changed = tf.where(lowered != texts)[:, 0].numpy()
    lower = {chr(codes[place]): lowered[place].numpy().decode("utf-8") for place in changed}
    alone = matching(chosen.signs[0][0])
    if not chosen.variants:
        return Characters(lower, matching(hidden), alone, matching(chosen.signs[1][0], negated=True))
    symbol_tokens, others = chosen.signs[2][0].split(OTHER_SIGNS)
    return Characters(lower, matching(hidden), alone, kept=matching(OTHER_SIGNS[1:] + others, negated=True),
                      clusters=matching(chosen.signs[1][0]), marks=matching(MARKS), variants=variants(),
                      markup=tuple(markup), signs=symbol_tokens)


def _matching(codes: Sequence[int], texts: tf.Tensor, pattern: str, *, negated: bool = False) -> Ranges:
    """Return the characters that a pattern matches, or does not match."""
    inside = tf.strings.regex_full_match(texts, pattern).numpy() != negated
    table = np.zeros(UNICODE + 1, np.int8)
    table[np.asarray(codes)[inside]] = 1
    return Ranges(tuple((np.flatnonzero(np.diff(table)) + 1).tolist()))
