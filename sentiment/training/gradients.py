"""Gradient transformations: clipping and noise."""

from typing import Any

import tensorflow as tf

from sentiment.config import TrainingConfig
from sentiment.training.noise import Noise

NOISE_DECAY = 0.55
STREAM = 100  # of the noise of the first gradient


def transformed(gradients: list[Any], config: TrainingConfig, scale: Any, noise: Noise) -> list[Any]:
    """Clip the gradient by value, then by norm, then add noise; called on each replica.

    All apply to the gradient of the whole batch, which is first summed over the replicas, and finally divided by their
    number, because the optimiser sums it again. The noise is normal with variance
    n / (1 + step) ** 0.55 (Neelakantan et al. 2015, "Adding Gradient Noise Improves Learning for Very Deep
    Networks").

    Args:
        gradients: float tensors of one replica, or slices of unique rows, all other rows being 0; noise needs tensors.
        config: with `clip_value`, `clip_norm` and `gradient_noise`.
        scale: the factor that the loss was multiplied by (float16), else 1.
        noise: random numbers of this step.
    """
    if not (config.clip_value or config.clip_norm or config.gradient_noise):
        return gradients
    slices = gradients
    gradients = [gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient for gradient in slices]
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync
    if replicas > 1:
        gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    if config.clip_value:
        limit = config.clip_value * scale
        gradients = [tf.clip_by_value(gradient, -limit, limit) for gradient in gradients]
    if config.clip_norm:
        gradients = _clipped(gradients, config.clip_norm, scale)
    if config.gradient_noise:
        # The mean of the noises of all replicas has the configured variance.
        variance = replicas * config.gradient_noise / (1.0 + tf.cast(noise.step, tf.float32)) ** NOISE_DECAY
        gradients = [gradient + noise.normal(tf.shape(gradient), STREAM + number) * tf.sqrt(variance) * scale
                     for number, gradient in enumerate(gradients)]
    if replicas > 1:
        gradients = [gradient / replicas for gradient in gradients]
    return [tf.IndexedSlices(gradient, given.indices, given.dense_shape) if isinstance(given, tf.IndexedSlices)
            else gradient for given, gradient in zip(slices, gradients, strict=True)]


def _clipped(gradients: list[Any], limit: float, scale: Any) -> list[Any]:
    """Scale the gradient so that its norm without the loss scale is at most `limit`."""
    norm = tf.linalg.global_norm(gradients) / scale
    # A norm that is not finite must not become a factor: the loss scaler of float16 skips such a step.
    factor = tf.where(tf.math.is_finite(norm), limit / tf.maximum(norm, limit), 1.0)
    return [gradient * factor for gradient in gradients]
