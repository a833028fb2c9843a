"""Loading of a trained classifier from its run folder."""

import os

from sentiment.artifacts.run import RunFolder
from sentiment.inference import Classifier
from sentiment.precision import precision
from sentiment.startup import use_tensorflow


def load_classifier(path: str | os.PathLike[str], *, mixed_precision: bool = False) -> Classifier:
    """Load the classifier of a finished run; see `sentiment.load`.

    Raises:
        UserError: if the folder is missing, incomplete, damaged or not of this project.
        RuntimeError: in a process that was forked after TensorFlow had been used.
    """
    use_tensorflow()
    folder = RunFolder.open(path)
    with precision(mixed_precision):
        model = folder.load_model()
    return Classifier(model, folder.load_preprocessor(), folder.load_class_names(), folder.load_config().data.notes,
                      folder.trained_on())
