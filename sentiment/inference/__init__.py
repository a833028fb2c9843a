"""Raw strings to labels and probabilities."""

from sentiment.inference.classifier import Classifier, Prediction, load

__all__ = ["Classifier", "Prediction", "load"]
