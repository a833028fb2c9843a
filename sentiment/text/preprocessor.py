"""Text preprocessor, from raw texts to ids, for training, prediction and the SavedModel."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, cached_property, partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from sentiment.batching import RESERVED_IDS, UNKNOWN_ID, TokenizedTexts
from sentiment.config import TextConfig
from sentiment.console import log
from sentiment.errors import UserError
from sentiment.surrogates import as_utf8
from sentiment.text.characters import ASCII, UNICODE, characters_of_the_graph
from sentiment.text.counting import WordCounts
from sentiment.text.plain_tokenizer import EMPTY, LONGEST_WORD, PlainTokenizer
from sentiment.text.rewriting import Span
from sentiment.text.standardization import standardize

CHUNK_TEXTS = 512
CHUNKS_AHEAD = 8
FEW_TEXTS = 8  # up to as many are read faster in Python than in the graph, whose call alone takes 0.7 ms
SENTENCE_ENDS = (".", "!", "?")


class TextPreprocessor:
    """Text preprocessor: standardises, splits, looks up, truncates and pads texts.

    Ids are 0 for padding, 1 for the unknown token, and from 2 the words of the vocabulary by descending frequency, ties
    by spelling. An empty text becomes one unknown token, so that no row is empty.

    Args:
        config: of the text.
        words: the vocabulary without reserved entries.

    Attributes:
        vectorization: the Keras layer with the lookup table.
    """

    # `tf.function` gets a partial object here and in every class with several objects in a process, because TensorFlow
    # counts tracings by the code of a function, over all objects, and warns of the fifth.

    def __init__(self, config: TextConfig, words: Sequence[str]) -> None:
        self.config = config
        self.words = tuple(words)
        self.vectorization = keras.layers.TextVectorization(
            standardize=partial(_standardized, config=config), split="whitespace", output_mode="int",
            ragged=True, vocabulary=list(words))
        self._ragged_ids = tf.function(partial(self.ragged_ids), input_signature=[tf.TensorSpec([None], tf.string)])

    @classmethod
    def fit(cls, config: TextConfig, texts: Iterable[str]) -> Self:
        """Build the vocabulary from training texts.

        Raises:
            UserError: if the texts contain no words.
        """
        counts = WordCounts()

        def words(chunk: Any) -> tuple[Any]:
            return (tf.strings.split(_standardized(chunk, config)).flat_values,)

        compiled = tf.function(partial(words), input_signature=[tf.TensorSpec([None], tf.string)])
        for (found,) in _mapped(texts, compiled):
            counts.update(found.tolist())
        longest = LONGEST_WORD if config.word_rules > 1 else None
        ranked = [(word, count) for word, count in counts.ranked() if longest is None or len(word) <= longest]
        if not ranked:
            raise UserError("the training texts contain no words: there is nothing to train on")
        ranked = ranked[:config.vocabulary_size - RESERVED_IDS]
        if ranked[-1][1] <= counts.missed:
            log.warning(f"there are so many different words that counts may be too low by {counts.missed:,}: the "
                        "vocabulary may lack words that are rarer than that")
        return cls(config, [word for word, _ in ranked])

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, including the reserved ones."""
        return len(self.words) + RESERVED_IDS

    @property
    def sentence_ends(self) -> tuple[int, ...]:
        """Ids of the words `.`, `!` and `?` that are in the vocabulary."""
        return tuple(RESERVED_IDS + place for place, word in enumerate(self.words) if word in SENTENCE_ENDS)

    def ragged_ids(self, texts: Any) -> Any:
        """Return the ids of a string tensor [texts] as a ragged int32 tensor [texts, (tokens)]; traceable."""
        return self._truncated(tf.cast(self.vectorization(texts), tf.int32), UNKNOWN_ID)

    def ragged_words(self, texts: Any) -> Any:
        """Return the words of these ids for display, as a ragged string tensor; traceable.

        It is `[empty]` for an empty text, and words of more than 64 characters are truncated.
        """
        words = self._truncated(tf.strings.split(_standardized(texts, self.config)), EMPTY)
        return words.with_flat_values(tf.strings.regex_replace(
            words.flat_values, f"(?s)^(.{{{LONGEST_WORD - 1}}}).{{2,}}$", r"\1…"))

    def _truncated(self, tokens: Any, empty: Any) -> Any:
        """Truncate each row of a ragged tensor [texts, (tokens)], and put one token into empty rows."""
        lengths = tokens.row_lengths()
        head, tail = kept_at_ends(self.config)
        positions = tf.ragged.range(lengths)
        from_end = tf.gather(lengths, positions.value_rowids()) - positions.flat_values
        kept = (positions.flat_values < head) | (from_end <= tail)
        tokens = tf.ragged.boolean_mask(tokens, tokens.with_flat_values(kept))
        missing = tf.cast(tf.equal(lengths, 0), tf.int64)
        filling = tf.fill([tf.reduce_sum(missing)], empty)
        return tf.concat([tokens, tf.RaggedTensor.from_row_lengths(filling, missing)], axis=1)

    def padded_ids(self, texts: Any) -> Any:
        """Return the ids of a string tensor [texts] as int32 [texts, longest], padded on the right; traceable."""
        return self.ragged_ids(texts).to_tensor()

    def whole_ids(self, text: str) -> np.ndarray:
        """Return all ids of one text, int32 [tokens], without truncation."""
        ids = self.vectorization(tf.constant([as_utf8(text)])).flat_values.numpy()
        return ids.astype(np.int32) if len(ids) else np.array([UNKNOWN_ID], np.int32)

    def words_read(self, text: str) -> list[str]:
        """Return the words of a text that `tokenize` converts to ids; `[empty]` for an empty text."""
        words = self.ragged_words(tf.constant([as_utf8(text)])).flat_values.numpy()
        return [word.decode("utf-8") for word in words]

    def spans(self, text: str) -> list[Span]:
        """Return where each of these words is in the raw text; see `PlainTokenizer.spans`."""
        return self.plain.spans(text)

    @cached_property
    def plain(self) -> PlainTokenizer:
        """The tokenizer in plain Python with the same ids."""
        return self._plain(UNICODE)

    def tokenize(self, texts: Iterable[str], folder: Path | None = None) -> TokenizedTexts:
        """Return the ids of raw texts, which may contain white space, emoji, NUL and lone surrogates.

        With `folder`, the ids are in an unnamed file there, which is freed with them.
        """
        texts = iter(texts)
        first = list(islice(texts, FEW_TEXTS + 1))
        if folder is None and len(first) <= FEW_TEXTS and all(text.isascii() for text in first):
            return self._plain_ascii.tokenize(first)

        def ids_and_lengths(chunk: Any) -> tuple[Any, Any]:
            ids = self._ragged_ids(chunk)
            return ids.flat_values, ids.row_lengths()

        return TokenizedTexts.from_parts(((ids, lengths) for ids, lengths in _mapped(
            chain(first, texts), ids_and_lengths)), folder)

    @cached_property
    def _plain_ascii(self) -> PlainTokenizer:
        """The same for ASCII texts only."""
        return self._plain(ASCII)

    def _plain(self, end: int) -> PlainTokenizer:
        """Return a tokenizer for texts of characters before the code point `end`."""
        head, tail = kept_at_ends(self.config)
        return PlainTokenizer(self.words, characters_of_the_graph(self.config.word_rules, end), head=head, tail=tail,
                              periods=self.config.periods)


def _standardized(texts: Any, config: TextConfig) -> Any:
    return standardize(texts, periods=config.periods, rules=config.word_rules)


def kept_at_ends(config: TextConfig) -> tuple[int, int]:
    """Return the numbers of tokens kept at the start and the end of a text, which add up to `max_length`."""
    length = config.max_length
    head = {"head": length, "tail": 0, "both": length // 2}[config.truncate]
    return head, length - head


def _mapped(texts: Iterable[str], step: Any) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield ``step(string tensor)`` as NumPy arrays for each chunk, computed on all cores.

    `tf.data` would trace `step` again for each call, which takes a hundred times as long as one text. The first chunk
    is computed alone, so that `step` is traced once and not by every thread.
    """

    def run(chunk: list[bytes]) -> tuple[np.ndarray, ...]:
        return tuple(part.numpy() for part in step(tf.constant(chunk)))

    encoded = (as_utf8(text) for text in texts)
    chunks = iter(lambda: list(islice(encoded, CHUNK_TEXTS)), [])
    yield from (run(chunk) for chunk in islice(chunks, 1))
    waiting: deque[Future[tuple[np.ndarray, ...]]] = deque()
    for chunk in chunks:
        waiting.append(_workers().submit(run, chunk))
        if len(waiting) > CHUNKS_AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@cache
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="tokenize")
