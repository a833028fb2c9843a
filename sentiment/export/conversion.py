"""Common steps of the conversions to other runtimes."""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sentiment.export.check import ExportError, Original
from sentiment.files import atomic_path
from sentiment.inference import PortableClassifier, PortableFolder

LOGGERS = ("tensorflow", "tf2onnx", "absl")


def export_portable(original: Original, target: Path, runtime: str, convert: Callable[[PortableFolder], object],
                    check: Callable[[str, np.ndarray, np.ndarray], None]) -> Path:
    """Write an export that predicts without TensorFlow, checked before it gets its final name.

    Args:
        original: the Keras model.
        target: the path of the export.
        runtime: the name of its runtime.
        convert: writes the model into the folder.
        check: compares its predictions; see `sentiment.export.check`.

    Raises:
        ExportError: if the model cannot be converted, or `check` fails.
    """
    classifier = original.classifier
    with atomic_path(target) as path:
        path.mkdir(parents=True)
        folder = PortableFolder(path)
        with failing_as_export_error(runtime):
            convert(folder)
            folder.save_texts(classifier.preprocessor.plain, classifier.class_names, classifier.notes,
                              classifier.trained_on)
            scores = PortableClassifier.load(path).predict_proba(original.texts)
        check(f"{runtime} model", scores, original.scores)
    return target


@contextmanager
def failing_as_export_error(runtime: str) -> Iterator[None]:
    """Convert an error of a conversion library to a one-line `ExportError`, and hide the library's logs."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        reason = (str(error) or repr(error)).splitlines()[0]
        raise ExportError(f"this model cannot be converted to {runtime}: {reason}") from error
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
