"""Training: strategy, optimisation, callbacks and the loop; knows no architecture by name."""

from sentiment.training.fitting import Trained
from sentiment.training.training import train

__all__ = ["Trained", "train"]
