"""Train, compare and ship recurrent text classifiers with Keras 3 and TensorFlow.

`train` takes texts and labels, a DataFrame or a file, and returns a `Model`; `load` loads one; `TextClassifier` is an
estimator of scikit-learn. The command line is `python -m sentiment`. Nothing heavy is imported before it is used.
"""

import os
from typing import TYPE_CHECKING, Any

from sentiment.errors import UserError
from sentiment.lazy import lazy_names
from sentiment.shipped import shipped_export, shipped_run
from sentiment.startup import import_tensorflow
from sentiment.version import __version__

if TYPE_CHECKING:
    from sentiment.api import (
        Comparison,
        Evaluation,
        Model,
        PretrainedModel,
        Tuning,
        compare,
        ensemble,
        pretrain,
        train,
        tune,
    )
    from sentiment.estimator import TextClassifier
    from sentiment.inference import PortableClassifier

__all__ = ["Comparison", "Evaluation", "Model", "PretrainedModel", "TextClassifier", "Tuning", "UserError",
           "__version__", "compare", "ensemble", "load", "pretrain", "train", "tune"]
_late = lazy_names(__name__, {name: "estimator" if name == "TextClassifier" else "api" for name in __all__})


if not TYPE_CHECKING:  # a checker would take it for every name

    def __getattr__(name: str) -> Any:
        """Import what needs TensorFlow when it is first asked for."""
        if name in __all__:
            import_tensorflow()
        return _late(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load(path: str | os.PathLike[str] | None = None, *, mixed_precision: bool = False
         ) -> "Model | PortableClassifier":
    """Load the model of a finished run, or an export for ONNX Runtime or LiteRT, which needs no TensorFlow.

    Without a path it is the film-review model that comes with the package, as an export for ONNX Runtime.

    A warning is logged for a model that was trained on the built-in sample.

    Args:
        path: the folder.
        mixed_precision: whether a run computes in half precision, float16 on a GPU and bfloat16 elsewhere: faster on
            processors that have products of it, and its probabilities differ in the third digit.

    Raises:
        UserError: if the folder is missing, incomplete, damaged or not of this project, or an export is to compute in
            half precision.

    Example:
        >>> import sentiment
        >>> model = sentiment.load()
        >>> model.predict(["A wonderful film.",
        ...                "Not good at all, I want my two hours back."])[1].label
        'negative'
    """
    from sentiment.inference import PortableClassifier, PortableFolder

    if path is None:
        path = shipped_run() if mixed_precision else shipped_export()
    if PortableFolder(path).exists():
        if mixed_precision:
            raise UserError(f"{path} is an export, whose precision is its own: half precision is for the folder of the "
                            "run")
        portable = PortableClassifier.load(path)
        portable.warn()
        return portable
    import_tensorflow()
    from sentiment.api import Model
    from sentiment.config.keywords import in_python

    with in_python():
        model = Model(path, mixed_precision=mixed_precision)
    model.warn()
    return model
