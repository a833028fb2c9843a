"""From logits to probabilities and labels: the one place outside the exported graphs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, softmax

from sentiment.console import log
from sentiment.surrogates import Mender


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Turn logits into probabilities.

    Args:
        logits: float [texts, 1] (the log-odds of class 1) or [texts, classes].

    Returns:
        float64 [texts, classes]; each row adds up to 1.
    """
    logits = np.asarray(logits, dtype=np.float64)
    if logits.shape[1] == 1:
        return np.concatenate([expit(-logits), expit(logits)], axis=1)
    return np.asarray(softmax(logits, axis=1))


def class_logits(logits: np.ndarray) -> np.ndarray:
    """Return float64 [texts, classes]; a single logit is that of the second of two classes, beside 0 for the first."""
    logits = np.asarray(logits, dtype=np.float64)
    return np.concatenate([np.zeros_like(logits), logits], axis=1) if logits.shape[1] == 1 else logits


def text_parts(texts: Iterable[Any], size: int, name: str = "texts", mender: Mender | None = None
               ) -> Iterator[list[str]]:
    """Yield an iterable of strings in lists of at most `size`, with U+FFFD for each lone surrogate.

    Args:
        texts: strings, such as a list or a column of a DataFrame.
        size: of a list, at most.
        name: of the argument, for messages.
        mender: counts the lone surrogates; without one, a warning does.

    Raises:
        TypeError: for one string, a DataFrame, a dictionary, a matrix, or a value that is no string; with its place.
    """
    kind = type(texts).__name__
    if isinstance(texts, (str, bytes)):
        raise TypeError(f"{name} must be a list of texts, not one {kind}: write [text]")
    if hasattr(texts, "columns") or isinstance(texts, Mapping):
        raise TypeError(f"{name} is a whole {kind}: give one of its columns, such as {name}['text']")
    shape = tuple(getattr(texts, "shape", (1,)))
    if len(shape) != 1:
        raise TypeError(f"{name} is {kind} of shape {shape}: give one dimension, such as {name}[:, 0]")
    if not isinstance(texts, Iterable) or isinstance(texts, Set):
        raise TypeError(f"{name} must be a list of texts, not {kind}")
    remaining, first, counting = iter(texts), 0, mender or Mender()
    while part := list(islice(remaining, size)):
        for place, text in enumerate(part, first):
            if not isinstance(text, str):
                missing = text is None or str(text) in ("nan", "<NA>")
                advice = "; leave out what has no text" if missing else ""
                raise TypeError(f"{name}[{place}] must be a string, not {text!r} ({type(text).__name__}){advice}")
        yield counting.texts(part)
        first += len(part)
    for note in counting.notes(name) if mender is None else ():
        log.warning(note)


class Prediction(NamedTuple):
    """The answer for one text: its label, the label's probability, and the probability of every class."""

    label: str
    score: float
    scores: dict[str, float]


def predictions(logits: np.ndarray, class_names: Sequence[str]) -> list[Prediction]:
    """Return a prediction for each row of logits, float [texts, 1 or classes]."""
    answers = []
    for row in probabilities(logits):
        scores = {name: float(score) for name, score in zip(class_names, row, strict=True)}
        best = class_names[int(row.argmax())]
        answers.append(Prediction(best, scores[best], scores))
    return answers
