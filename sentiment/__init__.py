"""Train, compare and ship recurrent text classifiers with Keras 3 and TensorFlow.

`sentiment.load("models/bilstm").predict(["A wonderful film."])` answers with a trained model; the command
line is `python -m sentiment`. Nothing heavy is imported before it is used.
"""

import os
from typing import TYPE_CHECKING

from sentiment.errors import UserError
from sentiment.version import __version__

if TYPE_CHECKING:
    from sentiment.predictions import Predictor

__all__ = ["UserError", "__version__", "load"]


def load(path: str | os.PathLike[str]) -> "Predictor":
    """Load the classifier of a finished run, or of an export for ONNX Runtime or LiteRT, which need no TensorFlow.

    Raises:
        UserError: if the folder is missing, incomplete, damaged or not of this project.
    """
    from sentiment.portable import PortableClassifier, PortableFolder

    if PortableFolder(path).exists():
        return PortableClassifier.load(path)
    from sentiment.inference import load as load_classifier

    return load_classifier(path)
