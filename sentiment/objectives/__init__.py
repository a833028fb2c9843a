"""What training minimises."""

from sentiment.objectives.cross_entropy import cross_entropy, predicted_classes

__all__ = ["cross_entropy", "predicted_classes"]
