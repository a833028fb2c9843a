"""Train, compare and ship recurrent text classifiers with Keras 3 and TensorFlow.

`train` takes texts and labels, a DataFrame or a file, and returns a `Model`; `load` loads one; `TextClassifier` is an
estimator of scikit-learn. The command line is `python -m sentiment`. Nothing heavy is imported before it is used.
"""

import os
from typing import TYPE_CHECKING

from sentiment.errors import UserError
from sentiment.version import __version__

if TYPE_CHECKING:
    from sentiment.api import Model, train
    from sentiment.estimator import TextClassifier
    from sentiment.inference import PortableClassifier
else:
    from sentiment.lazy import lazy_names

    __getattr__ = lazy_names(__name__, {"Model": "api", "TextClassifier": "estimator", "train": "api"})

__all__ = ["Model", "TextClassifier", "UserError", "__version__", "load", "train"]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load(path: str | os.PathLike[str], *, mixed_precision: bool = False) -> "Model | PortableClassifier":
    """Load the model of a finished run, or an export for ONNX Runtime or LiteRT, which needs no TensorFlow.

    Args:
        path: the folder.
        mixed_precision: whether a run computes in half precision, float16 on a GPU and bfloat16 elsewhere: faster on
            processors that have products of it, and its probabilities differ in the third digit.

    Raises:
        UserError: if the folder is missing, incomplete, damaged or not of this project, or an export is to compute in
            half precision.

    Example:
        >>> import sentiment
        >>> model = sentiment.load("models/imdb")
        >>> model.predict(["A wonderful film.",
        ...                "Not good at all, I want my two hours back."])[1].label
        'negative'
    """
    from sentiment.inference import PortableClassifier, PortableFolder

    if PortableFolder(path).exists():
        if mixed_precision:
            raise UserError(f"{path} is an export, whose precision is its own: half precision is for the folder of the "
                            "run")
        return PortableClassifier.load(path)
    from sentiment.api import Model

    return Model(path, mixed_precision=mixed_precision)
