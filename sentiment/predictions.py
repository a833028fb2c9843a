"""Probabilities and labels from logits, for all predictions outside exported graphs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, softmax

from sentiment.console import log
from sentiment.errors import UserError
from sentiment.surrogates import Mender

# A prediction with a smaller share of known words gets a remark. Of the 25,000 reviews of IMDB
# outside its test split none is below 0.77 for `models/imdb`; of 11,400 of their sentences of 4 to 7 words 0.5 % are
# below 0.7, of 73,900 longer ones 0.06 %. Of 17 German and French lines on films 15 are (their median is 0.4), and
# emoji, Arabic, Chinese and Russian are at 0.
FEW_KNOWN = 0.7


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Convert logits to probabilities.

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
    """Return logits float64 [texts, classes]; a single logit belongs to the second class, and the first gets 0."""
    logits = np.asarray(logits, dtype=np.float64)
    return np.concatenate([np.zeros_like(logits), logits], axis=1) if logits.shape[1] == 1 else logits


def text_parts(texts: Iterable[Any], size: int, name: str = "texts", mender: Mender | None = None
               ) -> Iterator[list[str]]:
    """Yield lists of at most `size` strings of an iterable, with lone surrogates replaced by U+FFFD.

    Args:
        texts: strings, such as a list or a column of a DataFrame.
        size: the maximum length of a list.
        name: of the argument, for messages.
        mender: counts the lone surrogates; without it, a warning is logged.

    Raises:
        TypeError: for a single string, a DataFrame, a dictionary, a matrix, or a value that is not a string.
    """
    kind = type(texts).__name__
    if isinstance(texts, (str, bytes)):
        raise TypeError(f"{name} must be a list of texts, not one {kind}: pass [text]")
    if hasattr(texts, "columns") or isinstance(texts, Mapping):
        raise TypeError(f"{name} is a whole {kind}: pass one of its columns, such as {name}['text']")
    shape = tuple(getattr(texts, "shape", (1,)))
    if len(shape) != 1:
        raise TypeError(f"{name} is {kind} of shape {shape}: pass one dimension, such as {name}[:, 0]")
    if not isinstance(texts, Iterable) or isinstance(texts, Set):
        raise TypeError(f"{name} must be a list of texts, not {kind}")
    remaining, first, counting = iter(texts), 0, mender or Mender()
    while part := list(islice(remaining, size)):
        for place, text in enumerate(part, first):
            if not isinstance(text, str):
                missing = text is None or str(text) in ("nan", "<NA>")
                advice = "; omit missing texts" if missing else ""
                raise TypeError(f"{name}[{place}] must be a string, not {text!r} ({type(text).__name__}){advice}")
        yield counting.texts(part)
        first += len(part)
    for note in counting.notes(name) if mender is None else ():
        log.warning(note)


class Prediction(NamedTuple):
    """Prediction for one text.

    Attributes:
        label: the most probable class; None for an abstention, if its probability is below a threshold.
        score: the probability of the most probable class.
        scores: the probability of every class.
        known: from 0 to 1, the share of the words read that are in the vocabulary; 0 for a text without a word.
    """

    label: str | None
    score: float
    scores: dict[str, float]
    known: float

    @property
    def best(self) -> str:
        """The most probable class, also for an abstention."""
        return max(self.scores, key=self.scores.__getitem__)

    @property
    def remark(self) -> str:
        """A remark if few words are known, such as `12% of words known`; else empty."""
        return known_remark(self.known)


def known_remark(known: float) -> str:
    """Return a remark for a share of known words below `FEW_KNOWN`; else an empty string.

    Example:
        >>> from sentiment.predictions import known_remark
        >>> known_remark(0.125), known_remark(0.0), known_remark(0.9)
        ('12% of words known', 'no word known', '')
    """
    if known >= FEW_KNOWN:
        return ""
    return f"{known:.0%} of words known" if known > 0 else "no word known"


def check_abstention(abstain_below: Any) -> None:
    """Refuse an abstention threshold that is not a probability.

    Raises:
        UserError: with the value.
    """
    number = isinstance(abstain_below, (int, float, np.number)) and not isinstance(abstain_below, bool)
    if not number or not 0 <= abstain_below <= 1:
        raise UserError(f"--abstain-below must be a probability, from 0 to 1, not {abstain_below!r}")


def predictions(logits: np.ndarray, known: np.ndarray, class_names: Sequence[str], *, abstain_below: float = 0.0
                ) -> list[Prediction]:
    """Return the prediction of each text.

    Args:
        logits: float [texts, 1 or classes].
        known: float [texts], the share of known words.
        class_names: by index.
        abstain_below: the score below which a prediction has no label.
    """
    found = []
    for row, share in zip(probabilities(logits), known.tolist(), strict=True):
        scores = dict(zip(class_names, row.tolist(), strict=True))
        best = class_names[int(row.argmax())]
        found.append(Prediction(None if scores[best] < abstain_below else best, scores[best], scores, share))
    return found
