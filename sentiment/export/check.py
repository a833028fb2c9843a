"""Check that an export gives the predictions of the Keras model, before it gets its final name."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from sentiment.artifacts import RunFolder
from sentiment.errors import UserError
from sentiment.inference import Classifier

TOLERANCE = 1e-5
AGREEMENT = 0.995
CHECK_TEXTS = ("A wonderful film.", "I want my two hours back.", "", "Not good, but great! 😀<br />Don't miss it.",
               "word " * 2000)


class ExportError(UserError):
    """An export that cannot be created, or whose predictions differ from the Keras model's."""


class Original:
    """The Keras model of a run, whose exports must give the same predictions on `texts` and a few special texts.

    Attributes:
        folder: of the run.
        texts: all texts of the comparison.
        classifier: with layers for any device, without cuDNN.
    """

    def __init__(self, folder: RunFolder, texts: Sequence[str] = ()) -> None:
        self.folder = folder
        self.texts = [*CHECK_TEXTS, *texts]
        self.classifier = Classifier(folder.load_model(use_cudnn=False), folder.load_preprocessor(),
                                     folder.load_class_names(), folder.load_config().data.notes,
                                     folder.trained_on())

    @cached_property
    def scores(self) -> np.ndarray:
        """Probabilities of the texts, float64 [texts, classes]."""
        return self.classifier.predict_proba(self.texts)


def check_scores(form: str, scores: np.ndarray, expected: np.ndarray) -> None:
    """Compare probabilities, float [texts, classes].

    Raises:
        ExportError: if they differ by more than 1e-5.
    """
    difference = float(np.abs(scores - expected).max())
    if not difference <= TOLERANCE:
        raise ExportError(f"the {form}'s scores differ from the Keras model's by {difference:.1e}, more than "
                          f"{TOLERANCE:.0e}: it was removed")


def check_labels(form: str, scores: np.ndarray, expected: np.ndarray) -> None:
    """Compare the most probable classes of probabilities, float [texts, classes].

    Raises:
        ExportError: if fewer than 0.995 of the texts have the same one.
    """
    agreement = float((scores.argmax(axis=1) == expected.argmax(axis=1)).mean())
    if agreement < AGREEMENT:
        raise ExportError(f"the {form} gives {agreement:.4f} of the texts the Keras model's label, fewer than "
                          f"{AGREEMENT}: it was removed")
