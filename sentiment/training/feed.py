"""Batches as the training loop takes them: labels and shares beside the ids, as `tf.data`."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np

from sentiment.batching import Batch, Batches


def training_dataset(batches: Batches, labels: np.ndarray, seed: int, epoch: int,
                     unlabelled: Iterator[tuple[np.ndarray, np.ndarray]] | None = None, first: int = 0) -> Any:
    """Return a `tf.data.Dataset` of the batches of one epoch.

    Args:
        batches: the texts.
        labels: int32 [texts].
        seed: what the order depends on, with the epoch.
        epoch: counted from 0.
        unlabelled: (ids, shares) of texts without labels, one for each batch, or None.
        first: how many batches are left out at the start.

    Returns:
        Pairs of a labelled batch, int32 [batch, time] ids, int32 [batch] labels and float32 [batch] shares, and an
        unlabelled one, ids and shares (an empty tuple if there is none). A share is 1 divided by the number of real
        rows, and 0 for filling, so that the loss of a batch is a plain sum of losses times shares however its rows
        are spread over devices.
    """
    import tensorflow as tf

    def generate() -> Iterator[Any]:
        for batch in batches.shuffled(seed, epoch, first):
            batch_labels = np.zeros(len(batch.ids), np.int32)
            batch_labels[:len(batch.rows)] = labels[batch.rows]
            labelled = (batch.ids, batch_labels, _shares(batch))
            yield labelled, () if unlabelled is None else next(unlabelled)

    def texts(size: int) -> tuple[Any, Any]:
        return tf.TensorSpec([size, None], tf.int32), tf.TensorSpec([size], tf.float32)

    ids, shares = texts(batches.batch_size)
    signature = ((ids, tf.TensorSpec([batches.batch_size], tf.int32), shares),
                 () if unlabelled is None else (ids, shares))
    options = tf.data.Options()
    # The thread that tunes it sleeps 10 ms, then 20, 40, ..., and TensorFlow 2.21 may wait for it at the end of an
    # epoch: 54 s became 82 s.
    options.autotune.enabled = False
    return tf.data.Dataset.from_generator(generate, output_signature=signature).prefetch(2).with_options(options)


def endless(batches: Batches, seed: int, first: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (ids, shares) of texts without labels, epoch after epoch, from batch number `first` on."""
    begun, left_out = divmod(first, len(batches))
    for epoch in count(begun):
        for batch in batches.shuffled(seed, epoch, left_out if epoch == begun else 0):
            yield batch.ids, _shares(batch)


def _shares(batch: Batch) -> np.ndarray:
    """Return float32 [batch]: 1 / real rows, and 0 for filling."""
    shares = np.zeros(len(batch.ids), np.float32)
    shares[:len(batch.rows)] = 1 / len(batch.rows)
    return shares
