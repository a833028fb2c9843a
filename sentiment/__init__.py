"""Train, compare and ship recurrent text classifiers with Keras 3 and TensorFlow.

`sentiment.load("models/bilstm").predict(["A wonderful film."])` answers with a trained model; the command
line is `python -m sentiment`. Nothing heavy is imported before it is used.
"""

import os
from typing import TYPE_CHECKING

from sentiment.errors import UserError
from sentiment.version import __version__

if TYPE_CHECKING:
    from sentiment.inference import Classifier

__all__ = ["UserError", "__version__", "load"]


def load(path: str | os.PathLike[str]) -> "Classifier":
    """Load the classifier of a finished run; see `sentiment.inference.load`."""
    from sentiment.inference import load as load_classifier

    return load_classifier(path)
