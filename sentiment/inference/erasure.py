"""Attribution by erasure: the effect of replacing each word by the unknown token, for all models and exports."""

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp

from sentiment.batching import UNKNOWN_ID
from sentiment.errors import UserError, nearest
from sentiment.inference.predictor import Predictor
from sentiment.predictions import Prediction, predictions
from sentiment.text.rewriting import Span

ROWS = 64  # texts with an erased word in a batch
LISTED = 8  # words in a summary


@dataclass(frozen=True)
class WordWeights:
    """Attributions of the words of a text by erasure.

    Attributes:
        text: the text.
        prediction: for the whole text.
        explained: the class whose log-odds are explained.
        words: the words that the model reads, standardised and truncated.
        spans: start and end of each word in the text, in characters; see `PlainTokenizer.spans`.
        known: whether each word is in the vocabulary.
        weights: float64 [words], the decrease of the log-odds of `explained` when the word is replaced.
    """

    text: str
    prediction: Prediction
    explained: str
    words: list[str]
    spans: list[Span]
    known: list[bool]
    weights: np.ndarray

    def __str__(self) -> str:
        """The prediction, and the words with the largest weights."""
        order = np.argsort(-np.abs(self.weights), kind="stable")[:LISTED]
        listed = ", ".join(f"{self.words[row]} {self.weights[row]:+.2f}" for row in order)
        return f"{self.prediction.best} {self.prediction.score:.4f}; for {self.explained}: {listed}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON, with `label` and `score` as of an `Explanation`."""
        values = {name: value for name, value in asdict(self).items() if name != "prediction"}
        return {**values, "weights": self.weights.tolist(), "label": self.prediction.best,
                "score": self.prediction.score}


def word_weights(predictor: Predictor, text: str, class_name: str | None = None,
                 cancelled: Callable[[], bool] = lambda: False) -> WordWeights:
    """Return the weight of each word of a text by erasure (Li, Monroe & Jurafsky 2016, arXiv 1612.08220).

    The weight of word t is log(p / (1 - p)) for the text minus that for the text with word t replaced by the unknown
    token, where p is the probability of the named class, or of the predicted one. `cancelled` is called before each
    batch.

    Raises:
        UserError: for an unknown class.
        CancelledError: when `cancelled` returns true.
    """
    ids = predictor.ids(text)
    logits = predictor.logits(ids[None, :])
    known = ids != UNKNOWN_ID
    (prediction,) = predictions(logits, known.mean(keepdims=True), predictor.class_names)
    explained = explained_class(prediction, predictor.class_names, class_name)
    index = predictor.class_names.index(explained)
    places, weights = np.flatnonzero(known), np.zeros(len(ids))
    for start in range(0, len(places), ROWS):
        if cancelled():
            raise CancelledError
        hidden = places[start:start + ROWS]
        rows = np.tile(ids, (len(hidden), 1))
        rows[np.arange(len(hidden)), hidden] = UNKNOWN_ID
        weights[hidden] = _log_odds(logits, index) - _log_odds(predictor.logits(rows), index)
    return WordWeights(text, prediction, explained, predictor.words_read(text), predictor.spans(text), known.tolist(),
                       weights)


def strongest(values: np.ndarray, most: int) -> dict[str, list[int]]:
    """Return the indices of the words with the largest values `for` and `against` the class, in order."""
    order = np.argsort(values)
    return {"for": [row for row in order[::-1][:most] if values[row] > 0],
            "against": [row for row in order[:most] if values[row] < 0]}


def explained_class(prediction: Prediction, class_names: Sequence[str], asked: str | None) -> str:
    """Return the class to explain: `asked`, or the predicted one.

    Raises:
        UserError: for an unknown class.
    """
    name = asked or prediction.best
    if name not in class_names:
        raise UserError(f"no class '{name}'{nearest(name, class_names)} (there are {', '.join(class_names)})")
    return name


def _log_odds(logits: np.ndarray, index: int) -> np.ndarray:
    """Return the log-odds of one class, log(p / (1 - p)), float64 [texts], for logits [texts, 1 or classes]."""
    logits = np.asarray(logits, np.float64)
    if logits.shape[1] == 1:
        return logits[:, 0] if index == 1 else -logits[:, 0]
    return np.asarray(logits[:, index] - logsumexp(np.delete(logits, index, axis=1), axis=1))
