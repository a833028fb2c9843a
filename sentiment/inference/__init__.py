"""Raw strings to labels and probabilities."""

from sentiment.inference.classifier import Classifier, load
from sentiment.inference.explanation import Explainer, Explanation, explain
from sentiment.inference.explanation_page import coloured_words, explanation_page
from sentiment.inference.reader import Reader

__all__ = ["Classifier", "Explainer", "Explanation", "Reader", "coloured_words", "explain", "explanation_page", "load"]
