"""Batches as the training loop takes them: labels and shares beside the ids, as `tf.data`."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np

from sentiment.batching import Batch, Batches


def training_dataset(batches: Batches, labels: np.ndarray, seed: int, epoch: int,
                     unlabelled: Iterator[tuple[np.ndarray, ...]] | None = None, first: int = 0,
                     taught: np.ndarray | None = None) -> Any:
    """Return a `tf.data.Dataset` of the batches of one epoch.

    Args:
        batches: the texts.
        labels: int32 [texts].
        seed: what the order depends on, with the epoch.
        epoch: counted from 0.
        unlabelled: (ids, shares) of texts without labels, one for each batch, or None.
        first: how many batches are left out at the start.
        taught: a teacher's logits, float32 [texts, 1 or classes]; `unlabelled` then has them, too.

    Returns:
        Pairs of a labelled batch, int32 [batch, time] ids, int32 [batch] labels and float32 [batch] shares, and an
        unlabelled one, ids and shares (an empty tuple if there is none); with a teacher, its logits are last in both. A
        share is 1 divided by the number of real
        rows, and 0 for filling, so that the loss of a batch is a plain sum of losses times shares however its rows
        are spread over devices.
    """
    import tensorflow as tf

    def generate() -> Iterator[Any]:
        for batch in batches.shuffled(seed, epoch, first):
            batch_labels = np.zeros(len(batch.ids), np.int32)
            batch_labels[:len(batch.rows)] = labels[batch.rows]
            labelled = (batch.ids, batch_labels, _shares(batch), *_taught(batch, taught))
            yield labelled, () if unlabelled is None else next(unlabelled)

    def texts(size: int) -> tuple[Any, Any]:
        return tf.TensorSpec([size, None], tf.int32), tf.TensorSpec([size], tf.float32)

    ids, shares = texts(batches.batch_size)
    logits = () if taught is None else (tf.TensorSpec([batches.batch_size, taught.shape[1]], tf.float32),)
    signature = ((ids, tf.TensorSpec([batches.batch_size], tf.int32), shares, *logits),
                 () if unlabelled is None else (ids, shares, *logits))
    return generated(generate, signature)


def generated(generate: Callable[[], Iterator[Any]], signature: Any) -> Any:
    """Return a `tf.data.Dataset` of what a generator yields, two elements ahead."""
    import tensorflow as tf

    options = tf.data.Options()
    # The thread that tunes it sleeps 10 ms, then 20, 40, ..., and TensorFlow 2.21 may wait for it at the end of an
    # epoch: 54 s became 82 s.
    options.autotune.enabled = False
    return tf.data.Dataset.from_generator(generate, output_signature=signature).prefetch(2).with_options(options)


def endless(batches: Batches, seed: int, first: int = 0, taught: np.ndarray | None = None
            ) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield (ids, shares) of texts without labels, epoch after epoch, from batch number `first` on.

    With `taught`, float32 [texts, 1 or classes], the rows' values come behind them.
    """
    begun, left_out = divmod(first, len(batches))
    for epoch in count(begun):
        for batch in batches.shuffled(seed, epoch, left_out if epoch == begun else 0):
            yield batch.ids, _shares(batch), *_taught(batch, taught)


def _taught(batch: Batch, values: np.ndarray | None) -> tuple[np.ndarray, ...]:
    """Return the rows' values, float32 [batch, features], zeros for filling; nothing where there are none."""
    if values is None:
        return ()
    own = np.zeros((len(batch.ids), values.shape[1]), np.float32)
    own[:len(batch.rows)] = values[batch.rows]
    return (own,)


def _shares(batch: Batch) -> np.ndarray:
    """Return float32 [batch]: 1 / real rows, and 0 for filling."""
    shares = np.zeros(len(batch.ids), np.float32)
    shares[:len(batch.rows)] = 1 / len(batch.rows)
    return shares
