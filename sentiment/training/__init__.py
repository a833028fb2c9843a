"""Training: strategy, optimisation, callbacks and the loop; knows no architecture by name."""

from sentiment.training.training import Trained, train

__all__ = ["Trained", "train"]
