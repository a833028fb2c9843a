"""Prediction of labels and probabilities for raw strings, in Keras, ONNX Runtime or LiteRT."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentiment.inference.classifier import Classifier
    from sentiment.inference.portable import PortableClassifier
    from sentiment.inference.portable_folder import PortableFolder
    from sentiment.inference.predictor import Predictor
    from sentiment.inference.reader import Reader
else:
    from sentiment.lazy import lazy_names

    __getattr__ = lazy_names(__name__, {
        "Classifier": "classifier", "PortableClassifier": "portable", "PortableFolder": "portable_folder",
        "Predictor": "predictor", "Reader": "reader"})

__all__ = ["Classifier", "PortableClassifier", "PortableFolder", "Predictor", "Reader"]
