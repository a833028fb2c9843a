"""Raw strings to labels and probabilities."""

from sentiment.inference.classifier import Classifier, load
from sentiment.inference.explanation import Explanation, explain
from sentiment.inference.explanation_page import explanation_page
from sentiment.inference.reader import Reader

__all__ = ["Classifier", "Explanation", "Reader", "explain", "explanation_page", "load"]
