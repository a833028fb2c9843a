"""Learn to say the next word, forward and backward."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from sentiment.architectures.language_model import BACKWARD, LanguageModel
from sentiment.batching import PADDING_ID, Lanes, TokenizedTexts
from sentiment.layers.recurrence import two_directions
from sentiment.objectives.sampled_softmax import full_softmax, log_frequencies, sample_words, sampled_softmax
from sentiment.training.noise import Noise

VALIDATION_LANES = 8  # the scores of all words at all places of a window are in memory at once
VALIDATION_WORDS = 100_000
SAMPLES = 200  # stream of noise


class LanguageModelTask:
    """The mean cross-entropy of the next word, with carried states: a `sentiment.training.pretraining.Task`.

    Args:
        model: what is trained.
        train, validation: texts.
        lanes: rows of a window.
        window: words of a row.
        sampled: how many words stand for all others in training.
        seed: of the order of the texts.
    """

    def __init__(self, model: LanguageModel, train: TokenizedTexts, validation: TokenizedTexts, *, lanes: int,
                 window: int, sampled: int, seed: int) -> None:
        self.model = model
        self.network = model.network
        self.sampled = sampled
        self.seed = seed
        self.lanes = [Lanes(train, lanes, window, backwards=one.name == BACKWARD) for one in model.directions]
        fewer = min(VALIDATION_LANES, max(1, (len(validation.values) + len(validation) - 1) // window))
        self.held_out = [Lanes(validation, fewer, window, backwards=one.name == BACKWARD) for one in model.directions]
        vocabulary = model.table.shape[0]
        self.frequencies = log_frequencies(train.counts(vocabulary))
        self.signature = tuple(tf.TensorSpec([lanes, window + 1], tf.int32) for _ in model.directions)
        self.carried = [(lanes, model.units)] * (model.states * len(model.directions))
        self._measure: Any = None

    def __len__(self) -> int:
        return len(self.lanes[0])

    def batches(self, epoch: int, first: int) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield int32 [lanes, window + 1] for each direction."""
        return zip(*(lanes.windows(self.seed, epoch, first) for lanes in self.lanes), strict=True)

    def loss(self, batch: Sequence[Any], carried: Sequence[Any], noise: Noise) -> tuple[Any, Any, list[Any]]:
        """Return the summed loss, the number of words, and the states; each direction counts its own words."""
        table = tf.convert_to_tensor(self.model.table)
        sampled = sample_words(noise.uniform([self.sampled], SAMPLES), self.frequencies)
        total, words, states = 0.0, 0.0, []
        for ids, vectors, after in self._read(batch, carried, training=True):
            real = tf.where(ids[:, 1:] != PADDING_ID)
            losses = sampled_softmax(tf.gather_nd(ids[:, 1:], real), tf.gather_nd(vectors, real), table, sampled)
            total += tf.reduce_sum(losses)
            words += tf.cast(tf.shape(real)[0], tf.float32)
            states += [tf.stop_gradient(state) for state in after]
        return total, words, states

    def _read(self, batch: Sequence[Any], carried: Sequence[Any], *, training: bool) -> Iterator[tuple[Any, Any, Any]]:
        """Yield the windows, the vectors and the states after them of each direction."""
        count = self.model.states
        inputs: list[Any] = []
        for number, ids in enumerate(batch):
            inputs += [ids[:, :-1], *carried[number * count:(number + 1) * count]]
        with two_directions():
            outputs = self.network(inputs, training=training)
        for number, ids in enumerate(batch):
            vectors, *after = outputs[number * (count + 1):(number + 1) * (count + 1)]
            yield ids, vectors, after

    def validate(self) -> dict[str, float]:
        """Return the perplexity of each direction over all words, on up to 100,000 words of the validation split."""
        if self._measure is None:
            self._measure = tf.function(self._losses, reduce_retracing=True)
        size, states = self.held_out[0].lanes, [shape[1] for shape in self.carried]
        carried: list[Any] = [tf.zeros([size, units]) for units in states]
        sums, words = np.zeros(len(self.held_out)), np.zeros(len(self.held_out))
        windows = zip(*(lanes.windows(self.seed, 0) for lanes in self.held_out), strict=True)
        for batch in windows:
            losses, counted, carried = self._measure([tf.constant(ids) for ids in batch], carried)
            sums, words = sums + losses.numpy(), words + counted.numpy()
            if words[0] >= VALIDATION_WORDS:
                break
        perplexities = [math.exp(loss / max(count, 1.0)) for loss, count in zip(sums, words, strict=True)]
        return {f"{one.name}_perplexity": value
                for one, value in zip(self.model.directions, perplexities, strict=True)}

    def _losses(self, batch: Sequence[Any], carried: Sequence[Any]) -> tuple[Any, Any, list[Any]]:
        """Return the summed loss of each direction over all words of the vocabulary, the words, and the states."""
        table = tf.convert_to_tensor(self.model.table)
        sums, words, states = [], [], []
        for ids, vectors, after in self._read(batch, carried, training=False):
            real = tf.where(ids[:, 1:] != PADDING_ID)
            losses = full_softmax(tf.gather_nd(ids[:, 1:], real), tf.gather_nd(vectors, real), table, self.frequencies)
            sums.append(tf.reduce_sum(losses))
            words.append(tf.shape(real)[0])
            states += after
        return tf.stack(sums), tf.stack(words), states
