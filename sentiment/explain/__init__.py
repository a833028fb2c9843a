"""Explanations of predictions: integrated gradients in Keras, erasure for every model."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentiment.explain.attribution import Explainer, Explanation, explain
    from sentiment.explain.erasure import WordWeights, word_weights
    from sentiment.explain.page import coloured_text, explanation_page
else:
    from sentiment.lazy import lazy_names

    __getattr__ = lazy_names(__name__, {
        "Explainer": "attribution", "Explanation": "attribution", "WordWeights": "erasure", "coloured_text": "page",
        "explain": "attribution", "explanation_page": "page", "word_weights": "erasure"})

__all__ = ["Explainer", "Explanation", "WordWeights", "coloured_text", "explain", "explanation_page", "word_weights"]
