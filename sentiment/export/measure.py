"""Size and speed of an export, and its difference from the Keras model."""

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sentiment.export.check import Original
from sentiment.export.saved_model import scores_of
from sentiment.inference import PortableClassifier

TIMED_TEXTS = 30
Scores = Callable[[Sequence[str]], np.ndarray]


class Measured(NamedTuple):
    """Measurements of an export.

    Attributes:
        megabytes: of all files, in 10^6 bytes.
        milliseconds: the median time of one raw text.
        difference: the largest difference of its probabilities from the Keras model's.
        agreement: the share of texts with the same label.
    """

    megabytes: float
    milliseconds: float
    difference: float
    agreement: float


def measured(original: Original, exports: Sequence[tuple[str, Path]]) -> list[Measured]:
    """Measure exports of a run, pairs of format and folder."""
    texts, expected = original.texts, original.scores
    found = []
    for form, path in exports:
        answer = scores_of(path) if form == "saved_model" else PortableClassifier.load(path).predict_proba
        scores = answer(texts)
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        found.append(Measured(size / 1e6, 1000 * statistics.median(_seconds(answer, texts[-TIMED_TEXTS:])),
                              float(np.abs(scores - expected).max()),
                              float((scores.argmax(axis=1) == expected.argmax(axis=1)).mean())))
    return found


def _seconds(answer: Scores, texts: Sequence[str]) -> list[float]:
    answer(texts[:1])
    seconds = []
    for text in texts:
        started = time.perf_counter()
        answer([text])
        seconds.append(time.perf_counter() - started)
    return seconds
