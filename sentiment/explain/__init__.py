"""Explanations of predictions: integrated gradients in Keras, erasure for every model."""

from typing import TYPE_CHECKING

from sentiment.inference.erasure import WordWeights, word_weights

if TYPE_CHECKING:
    from sentiment.explain.attribution import Explainer, Explanation, explain
    from sentiment.explain.page import coloured_text, explanation_page
else:
    from sentiment.lazy import lazy_names

    __getattr__ = lazy_names(__name__, {
        "Explainer": "attribution", "Explanation": "attribution", "coloured_text": "page", "explain": "attribution",
        "explanation_page": "page"})

__all__ = ["Explainer", "Explanation", "WordWeights", "coloured_text", "explain", "explanation_page", "word_weights"]
