"""Recurrent text classifiers: training, comparison and deployment with Keras 3 and TensorFlow.

`train` takes texts and labels, a DataFrame or a file, and returns a `Model`; `load` loads one; `TextClassifier` is a
scikit-learn estimator. The command line is `python -m sentiment`. TensorFlow is imported on first use.
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


if not TYPE_CHECKING:  # type checkers would resolve every name with it

    def __getattr__(name: str) -> Any:
        """Import names that need TensorFlow on first access."""
        if name in __all__:
            import_tensorflow()
        return _late(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load(path: str | os.PathLike[str] | None = None, *, mixed_precision: bool = False
         ) -> "Model | PortableClassifier":
    """Load the model of a finished run, or an export for ONNX Runtime or LiteRT, which needs no TensorFlow.

    Without a path it is the included film-review model, exported for ONNX Runtime.

    A warning is logged for a model that was trained on the built-in sample.

    Args:
        path: the folder.
        mixed_precision: whether a run computes in half precision, float16 on a GPU and bfloat16 elsewhere: faster on
            processors with such matrix products, but probabilities differ in the third digit.

    Raises:
        UserError: if the folder is missing, incomplete, damaged or not of this project, or for half precision with an
            export.

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
    from sentiment.artifacts import RunPaths
    from sentiment.config.keywords import in_python

    with in_python():
        RunPaths.open(path)  # a mistake in the path is reported before TensorFlow is imported
        import_tensorflow()
        from sentiment.api import Model

        model = Model(path, mixed_precision=mixed_precision)
    model.warn()
    return model
