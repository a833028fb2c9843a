"""Keras layers of the project, usable alone; they use `keras.ops` and run on every backend."""

from sentiment.layers.dropout import WordDropout
from sentiment.layers.pooling import MaskedPooling

__all__ = ["MaskedPooling", "WordDropout"]
