"""Sequence autoencoding as a task of the training loop."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from sentiment.architectures.pretrainable import Pretrainable
from sentiment.batching import Batches
from sentiment.signals import StopRequest
from sentiment.training.loop import StepLoss, Task
from sentiment.training.noise import Noise
from sentiment.training.strategy import Workers
from sentiment.training.word_loss import WordLoss, mean_over_replicas

VALIDATION_TEXTS = 200


class AutoencoderTask(Task):
    """Sequence autoencoding (Dai & Le 2015): the mean cross-entropy of each word given text and previous words.

    Args:
        model: the autoencoder.
        train, validation: their texts.
        sampled: the number of sampled words for the softmax in training.
        seed: of the order of the texts.
    """

    def __init__(self, model: Pretrainable, train: Batches, validation: Batches, *, sampled: int, seed: int) -> None:
        self.network = model.network
        self.train = train
        self.validation = validation
        self.seed = seed
        self.words = WordLoss(model.table, train.tokens.counts(model.table.shape[0]), sampled)
        self.signature = (tf.TensorSpec([train.batch_size, None], tf.int32),)

    def __len__(self) -> int:
        return len(self.train)

    def batches(self, epoch: int, first: int) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield int32 [batch, time]."""
        for batch in self.train.shuffled(self.seed, epoch, first):
            ids = batch.ids.copy()
            ids[len(batch.rows):] = 0  # filling rows have no loss
            yield (ids,)

    def loss(self, batch: Sequence[Any], carried: Sequence[Any], noise: Noise) -> StepLoss:
        """Return the mean loss of the words."""
        ids, = batch
        written = self.network(ids, training=True)  # [batch, time, embedding]
        return StepLoss(mean_over_replicas(*self.words.from_sample(ids, written, self.words.draw(noise))))

    def validate(self, workers: Workers, request: StopRequest) -> dict[str, float]:
        """Return the perplexity over all words of the first 200 validation texts."""
        total, words = 0.0, 0
        for row in range(min(VALIDATION_TEXTS, len(self.validation.tokens))):
            request.obey()
            ids = self.validation.tokens.row(row)[None]
            loss, count = self.words.from_all(ids, self.network(ids, training=False))
            total, words = total + float(loss), words + int(count)
        return {"perplexity": float(np.exp(total / max(words, 1)))}
