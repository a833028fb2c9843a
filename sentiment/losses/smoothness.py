"""Losses without labels: consistency, entropy and distillation."""

from typing import Any

from keras import ops

from sentiment.losses.cross_entropy import log_probabilities

TINY = 1e-35


def unit_norm(values: Any) -> Any:
    """Scale the values of each text to a Euclidean norm of 1.

    With v the gradient of the loss with respect to the embedded words of a text, epsilon v / |v| is the adversarial
    perturbation of Miyato, Dai & Goodfellow 2017, "Adversarial Training Methods for Semi-Supervised Text
    Classification".

    Args:
        values: float [batch, time, features].

    Returns:
        float32 [batch, time, features]; zeros where a text's values are all zero.
    """
    values = ops.cast(values, "float32")
    # Divided by the largest value first, so that squares of small gradients do not underflow.
    largest = ops.maximum(ops.max(ops.abs(values), axis=(1, 2), keepdims=True), TINY)
    scaled = values / largest
    return scaled / ops.maximum(ops.sqrt(ops.sum(ops.square(scaled), axis=(1, 2), keepdims=True)), TINY)


def divergence(fixed_logits: Any, logits: Any) -> Any:
    """Return KL(p || q) of each example in nats, p from `fixed_logits` and held constant, q from `logits`.

    The virtual adversarial loss is this divergence between the predictions for a text and for the same text with the
    perturbation that maximises it (Miyato et al. 2017).

    Args:
        fixed_logits: float [batch, 1] for two classes, else [batch, classes].
        logits: of the same shape.

    Returns:
        float32 [batch].
    """
    fixed = ops.stop_gradient(log_probabilities(fixed_logits))
    return ops.sum(ops.exp(fixed) * (fixed - log_probabilities(logits)), axis=-1)


def distillation(teacher_logits: Any, logits: Any, temperature: float) -> Any:
    """Return T^2 KL(p || q) of each example in nats, p of the teacher's logits / T, held constant, q of the logits / T.

    Hinton, Vinyals & Dean 2015, "Distilling the Knowledge in a Neural Network"; T^2 compensates for gradients that
    are proportional to 1 / T^2.

    Args:
        teacher_logits: float [batch, 1] for two classes, else [batch, classes].
        logits: of the same shape.
        temperature: T, above 0.

    Returns:
        float32 [batch].
    """
    return temperature**2 * divergence(teacher_logits / temperature, logits / temperature)


def entropy(logits: Any) -> Any:
    """Return the entropy of each prediction in nats (Grandvalet & Bengio 2005; Sachan et al. 2019).

    Args:
        logits: float [batch, 1] for two classes, else [batch, classes].

    Returns:
        float32 [batch].
    """
    logarithms = log_probabilities(logits)
    return -ops.sum(ops.exp(logarithms) * logarithms, axis=-1)
