"""Loss functions in `keras.ops`, for every backend."""

from sentiment.losses.cross_entropy import cross_entropy, log_probabilities, predicted_classes
from sentiment.losses.smoothness import distillation, divergence, entropy, unit_norm

__all__ = ["cross_entropy", "distillation", "divergence", "entropy", "log_probabilities", "predicted_classes",
           "unit_norm"]
