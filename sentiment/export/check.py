"""What every export must show before it gets its name: that it answers as the Keras model does."""

import numpy as np

from sentiment.errors import UserError

TOLERANCE = 1e-5
CHECK_TEXTS = ("A wonderful film.", "I want my two hours back.", "", "Not good, but great! 😀<br />Don't miss it.",
               "word " * 2000)


class ExportError(UserError):
    """An export does not answer as the Keras model does, or cannot be made."""


def check_scores(form: str, scores: np.ndarray, expected: np.ndarray) -> None:
    """Compare probabilities, float [texts, classes].

    Raises:
        ExportError: if they differ by more than 1e-5.
    """
    difference = float(np.abs(scores - expected).max())
    if not difference <= TOLERANCE:
        raise ExportError(f"the {form}'s scores differ from the Keras model's by {difference:.1e}, more than "
                          f"{TOLERANCE:.0e}: it was not kept")
