"""Language modelling as a task of the training loop."""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from sentiment.architectures.language_model import BACKWARD, LanguageModel
from sentiment.batching import TextStreams, TokenizedTexts
from sentiment.layers.cores import two_directions
from sentiment.signals import StopRequest
from sentiment.training.loop import StepLoss, Task
from sentiment.training.noise import Noise
from sentiment.training.strategy import Workers
from sentiment.training.word_loss import WordLoss, mean_over_replicas

VALIDATION_STREAMS = 8  # because the logits of all words at all steps of a window are in memory at once
VALIDATION_WORDS = 100_000


class LanguageModelTask(Task):
    """Language modelling task: the mean cross-entropy of the next word, with carried states.

    Args:
        model: the language model.
        train, validation: the tokens of the texts.
        streams: the number of streams, rows of a window.
        window: the number of words in a row.
        sampled: the number of sampled words for the softmax in training.
        seed: of the order of the texts.
    """

    def __init__(self, model: LanguageModel, train: TokenizedTexts, validation: TokenizedTexts, *, streams: int,
                 window: int, sampled: int, seed: int) -> None:
        self.model = model
        self.network = model.network
        self.seed = seed
        self.streams = [TextStreams(train, streams, window, backwards=one.name == BACKWARD) for one in model.directions]
        fewer = min(VALIDATION_STREAMS, max(1, (len(validation.values) + len(validation) - 1) // window))
        self.held_out = [TextStreams(validation, fewer, window, backwards=one.name == BACKWARD)
                         for one in model.directions]
        self.words = WordLoss(model.table, train.counts(model.table.shape[0]), sampled)
        self.signature = tuple(tf.TensorSpec([streams, window + 1], tf.int32) for _ in model.directions)
        self.carried = [(streams, size) for size in model.states] * len(model.directions)
        self._measure = tf.function(partial(self._losses), reduce_retracing=True)

    def __len__(self) -> int:
        return len(self.streams[0])

    def batches(self, epoch: int, first: int) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield int32 [streams, window + 1] for each direction."""
        return zip(*(streams.windows(self.seed, epoch, first) for streams in self.streams), strict=True)

    def loss(self, batch: Sequence[Any], carried: Sequence[Any], noise: Noise) -> StepLoss:
        """Return the mean loss of the words of all directions, and the states."""
        drawn = self.words.draw(noise)
        total, words, states = 0.0, 0.0, []
        for following, vectors, after in self._read(batch, carried, training=True):
            loss, count = self.words.from_sample(following, vectors, drawn)
            total, words = total + loss, words + count
            states += [tf.stop_gradient(tf.cast(state, tf.float32)) for state in after]
        return StepLoss(mean_over_replicas(total, words), carried=states)

    def _read(self, batch: Sequence[Any], carried: Sequence[Any], *, training: bool) -> Iterator[tuple[Any, Any, Any]]:
        """Yield the next words, the predicted vectors and the final states of each direction."""
        count = len(self.model.states)
        inputs: list[Any] = []
        for number, ids in enumerate(batch):
            inputs += [ids[:, :-1], *carried[number * count:(number + 1) * count]]
        with two_directions():
            outputs = self.network(inputs, training=training)
        for number, ids in enumerate(batch):
            vectors, *after = outputs[number * (count + 1):(number + 1) * (count + 1)]
            yield ids[:, 1:], vectors, after

    def validate(self, workers: Workers, request: StopRequest) -> dict[str, float]:
        """Return the perplexity of each direction over all words, on up to 100,000 words of the validation split."""
        size, states = self.held_out[0].streams, [shape[1] for shape in self.carried]
        carried: list[Any] = [tf.zeros([size, units]) for units in states]
        sums, words = np.zeros(len(self.held_out)), np.zeros(len(self.held_out))
        windows = zip(*(streams.windows(self.seed, 0) for streams in self.held_out), strict=True)
        for batch in windows:
            request.obey()
            losses, counted, carried = self._measure([tf.constant(ids) for ids in batch], carried)
            sums, words = sums + losses.numpy(), words + counted.numpy()
            if words[0] >= VALIDATION_WORDS:
                break
        perplexities = [math.exp(loss / max(count, 1.0)) for loss, count in zip(sums, words, strict=True)]
        return {f"{one.name}_perplexity": value
                for one, value in zip(self.model.directions, perplexities, strict=True)}

    def _losses(self, batch: Sequence[Any], carried: Sequence[Any]) -> tuple[Any, Any, list[Any]]:
        """Return the summed loss of each direction over the whole vocabulary, the numbers of words, and the states."""
        sums, words, states = [], [], []
        for following, vectors, after in self._read(batch, carried, training=False):
            loss, count = self.words.from_all(following, vectors)
            sums.append(loss)
            words.append(count)
            states += after
        return tf.stack(sums), tf.stack(words), states
