"""Unicode normalisation of letters: full-width, half-width and decomposed forms, variants of Arabic letters."""

import unicodedata
from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf

from sentiment.text.plain_tokenizer import ROUNDS, Variants

# Alef with hamza or madda, alef wasla; alef maqsura and Persian yeh; Persian kaf: each to the letter that everyday
# text has for it (light normalisation, Larkey, Ballesteros & Connell 2002, "Improving stemming for
# Arabic information retrieval").
ARABIC = {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك"}
LAST_VARIANT = 0x2FA1F  # the end of the last block with such characters
AS_THEY_ARE = (range(0x3130, 0x3190), range(0xFFA0, 0xFFDD))  # Korean letters, with which laughter is written


@cache
def variants() -> Variants:
    """Return the replacements of single characters, and of pairs of a letter and a mark.

    The former is the NFKC of the character, if that is one character. The latter is the composed letter, even where NFC
    keeps the two apart, as in Devanagari, so that both spellings become one. Korean is unchanged.
    """
    single, pairs = dict(ARABIC), dict[str, str]()
    for code in range(0x80, LAST_VARIANT + 1):
        character = chr(code)
        if not unicodedata.decomposition(character) or any(code in block for block in AS_THEY_ARE):
            continue
        compatible = unicodedata.normalize("NFKC", character)
        if len(compatible) == 1 and compatible != character:
            single.setdefault(character, ARABIC.get(compatible, compatible))
        parts = unicodedata.normalize("NFD", character)
        if len(parts) > 1 and not unicodedata.combining(parts[0]) and not 0xAC00 <= code < 0xD7A4:
            base = unicodedata.normalize("NFC", parts[:-1])
            if len(base) == 1:
                pairs.setdefault(base + parts[-1], ARABIC.get(character, character))
    return Variants(single, pairs)


@cache
def _tables() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, str]:
    """Return the tables as ascending keys and values, int32 and int64, and a pattern of the texts that need them."""
    found = variants()
    keys = np.array(sorted(map(ord, found.single)), np.int32)
    values = np.array([ord(found.single[chr(key)]) for key in keys], np.int32)
    pairs = sorted((ord(pair[0]) << 21 | ord(pair[1]), ord(composed)) for pair, composed in found.pairs.items())
    marks = {ord(pair[1]) for pair in found.pairs}
    codes = np.array(sorted({*keys.tolist(), *marks}))
    starts = codes[np.diff(codes, prepend=-2) > 1]
    ends = codes[np.diff(codes, append=0x110000 + 1) > 1]
    ranges = "".join(rf"\x{{{start:X}}}-\x{{{end:X}}}" for start, end in zip(starts, ends, strict=True))
    pattern = f"(?s)[^{ranges}]*[{ranges}].*"
    return keys, values, np.array([key for key, _ in pairs]), np.array([value for _, value in pairs], np.int32), pattern


def one_form(texts: Any) -> Any:
    """Return a string tensor [texts] with the variants of letters unified.

    Only texts with a character of the tables are decoded to code points.
    """
    keys, values, pairs, composed, pattern = _tables()
    rows = tf.where(tf.strings.regex_full_match(texts, pattern))
    codes = tf.strings.unicode_decode(tf.gather_nd(texts, rows), "UTF-8")
    places = tf.minimum(tf.searchsorted(keys, codes.flat_values), len(keys) - 1)
    codes = codes.with_flat_values(tf.where(tf.gather(keys, places) == codes.flat_values, tf.gather(values, places),
                                            codes.flat_values))
    for _ in range(ROUNDS):
        codes = _composed(codes, pairs, composed)
    changed = tf.strings.unicode_encode(codes, "UTF-8")
    return tf.tensor_scatter_nd_update(texts, rows, changed)


def _composed(codes: Any, pairs: np.ndarray, composed: np.ndarray) -> Any:
    """Return ragged code points [texts, (characters)] with the pairs of the table composed."""
    flat, row = tf.cast(codes.flat_values, tf.int64), codes.value_rowids()
    following = tf.where(row[1:] == row[:-1], flat[1:], 0)
    joined = tf.concat([flat[:-1] * 2 ** 21 + following, flat[-1:] * 0], axis=0)
    places = tf.minimum(tf.searchsorted(pairs, joined), len(pairs) - 1)
    first = tf.gather(pairs, places) == joined
    kept = tf.concat([tf.ones_like(first[:1]), ~first[:-1]], axis=0)
    replaced = tf.where(first, tf.gather(composed, places), codes.flat_values)
    return tf.ragged.boolean_mask(codes.with_flat_values(replaced), codes.with_flat_values(kept))
