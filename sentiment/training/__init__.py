"""Training: strategy, optimisation, callbacks and the loop; independent of architectures."""

from sentiment.training.fitting import Trained
from sentiment.training.training import train

__all__ = ["Trained", "train"]
