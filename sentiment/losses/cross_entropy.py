"""Cross-entropy from logits, for binary and multi-class models."""

from typing import Any

import keras
from keras import ops


def cross_entropy(labels: Any, logits: Any, smoothing: float = 0.0) -> Any:
    """Return the cross-entropy of each example in nats.

    One logit z is the log-odds of class 1: loss = max(z, 0) - z y + log(1 + exp(-|z|)).
    Several logits are unnormalised log-probabilities: loss = logsumexp(z) - z_y.
    With smoothing s the target is (1 - s) for the label plus s / classes for every class (Szegedy et al. 2016).

    Args:
        labels: int32 [batch], class indices.
        logits: float [batch, 1] for two classes, else [batch, classes].
        smoothing: share of each label that is spread over all classes.

    Returns:
        float32 [batch].
    """
    logits = ops.cast(logits, "float32")
    if logits.shape[-1] == 1:
        log_odds = logits[:, 0]
        targets = ops.cast(labels, "float32") * (1 - smoothing) + smoothing / 2
        return ops.maximum(log_odds, 0.0) - log_odds * targets + ops.log1p(ops.exp(-ops.abs(log_odds)))
    right = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    if not smoothing:
        return right
    return (1 - smoothing) * right - smoothing * ops.mean(log_probabilities(logits), axis=-1)


def log_probabilities(logits: Any) -> Any:
    """Return the logarithms of the probabilities of all classes.

    Args:
        logits: float [batch, 1] for two classes, else [batch, classes].

    Returns:
        float32 [batch, classes].
    """
    logits = ops.cast(logits, "float32")
    if logits.shape[-1] == 1:
        return ops.concatenate([ops.log_sigmoid(-logits), ops.log_sigmoid(logits)], axis=-1)
    return ops.log_softmax(logits, axis=-1)


def predicted_classes(logits: Any) -> Any:
    """Return the most probable class of each example.

    Args:
        logits: float [batch, 1] for two classes, else [batch, classes].

    Returns:
        int32 [batch].
    """
    if logits.shape[-1] == 1:
        return ops.cast(logits[:, 0] > 0, "int32")
    return ops.cast(ops.argmax(logits, axis=-1), "int32")
