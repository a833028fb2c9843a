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


def load(path: str | os.PathLike[str], *, mixed_precision: bool = False) -> "Predictor":
    """Load the classifier of a finished run, or of an export for ONNX Runtime or LiteRT, which need no TensorFlow.

    Args:
        path: the folder.
        mixed_precision: whether a run computes in half precision, float16 on a GPU and bfloat16 elsewhere: faster on
            processors that have products of it, and its probabilities differ in the third digit.

    Raises:
        UserError: if the folder is missing, incomplete, damaged or not of this project, or an export is to compute in
            half precision.
    """
    from sentiment.portable import PortableClassifier, PortableFolder

    if PortableFolder(path).exists():
        if mixed_precision:
            raise UserError(f"{path} is an export, whose precision is its own: half precision is for the folder of the "
                            "run")
        return PortableClassifier.load(path)
    from sentiment.inference import load as load_classifier

    return load_classifier(path, mixed_precision=mixed_precision)
