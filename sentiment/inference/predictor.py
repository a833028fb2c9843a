"""Base class of the classifiers in Keras, ONNX Runtime and LiteRT."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from sentiment.batching import Batches, TokenizedTexts, map_batches
from sentiment.config.keywords import in_python
from sentiment.console import log
from sentiment.errors import UserError
from sentiment.predictions import Prediction, check_abstention, predictions, probabilities, text_parts
from sentiment.text.rewriting import Span


class Tokenizer(Protocol):
    """Protocol of tokenizers, from raw texts to ids: a `TextPreprocessor` or a `PlainTokenizer`."""

    def tokenize(self, texts: Sequence[str]) -> TokenizedTexts:
        """Return the ids of raw texts."""

    def words_read(self, text: str) -> list[str]:
        """Return the words of a text that `tokenize` converts to ids."""

    def spans(self, text: str) -> list[Span]:
        """Return where these words are in the raw text, start and end in characters."""


class Predictor(ABC):
    """Base class of text classifiers, from raw texts to logits, probabilities and labels.

    A subclass computes the logits of one batch. Prediction is thread-safe. Forked child processes can predict with an
    export, and are refused with a Keras model.

    Args:
        preprocessor: raw texts to ids.
        class_names: the names of the classes by index.
        width: the number of logits, 1 or classes.
        batch_size: the largest number of texts in a batch.
        texts_at_once: the number of texts that are tokenized and sorted by length together.
        mapped: `map`, or the `map` of a thread pool, which computes several batches at once.
        notes: caveats to show with every prediction, one sentence each.
        trained_on: as for `sentiment.measured.trained_on`.

    Attributes:
        class_names: the names of the classes by index.
        notes: caveats to show with every prediction: that the model was trained on the built-in sample.
        trained_on: the name of the training data, sizes, test accuracy and date; empty if they are not known.
    """

    def __init__(self, preprocessor: Tokenizer, class_names: Sequence[str], *, width: int, batch_size: int,
                 texts_at_once: int, mapped: Callable[..., Iterable[Any]] = map, notes: Sequence[str] = (),
                 trained_on: Mapping[str, Any] | None = None) -> None:
        self.preprocessor = preprocessor
        self.class_names = tuple(class_names)
        self.notes = tuple(notes)
        self.trained_on = dict(trained_on or {})
        self._width = width
        self._batch_size = batch_size
        self._texts_at_once = texts_at_once
        self._mapped = mapped

    def warn(self) -> None:
        """Log the notes as warnings; called once wherever a model is loaded for prediction."""
        for note in self.notes:
            log.warning(note)

    @abstractmethod
    def _batch_logits(self, ids: np.ndarray) -> Any:
        """Return float32 [texts, 1 or classes] for one batch of ids, int32 [texts, time], padded on the right."""

    def words_read(self, text: str) -> list[str]:
        """Return the words of a text that the model reads, standardised and truncated, at least one.

        Raises:
            RuntimeError: as `predict_logits`.
        """
        self.check_process()
        return self.preprocessor.words_read(text)

    def spans(self, text: str) -> list[Span]:
        """Return where each of these words is in the raw text: start and end, in characters; rising, without overlap.

        Raises:
            RuntimeError: as `predict_logits`.
        """
        self.check_process()
        return self.preprocessor.spans(text)

    def ids(self, text: str) -> np.ndarray:
        """Return the ids of these words, int32 [words].

        Raises:
            RuntimeError: as `predict_logits`.
        """
        self.check_process()
        return self.preprocessor.tokenize([text]).row(0)

    def logits(self, ids: np.ndarray) -> np.ndarray:
        """Return float32 [texts, 1 or classes] for ids int32 [texts, time], padded on the right.

        Raises:
            RuntimeError: as `predict_logits`.
        """
        self.check_process()
        batches = [ids[start:start + self._batch_size] for start in range(0, len(ids), self._batch_size)]
        return np.concatenate([np.zeros((0, self._width), np.float32), *self._mapped(self._batch_logits, batches)])

    def predict_logits(self, texts: Iterable[str]) -> np.ndarray:
        """Return the logits of texts, float32 [texts, 1 or classes]; one logit is the log-odds of the second class.

        Args:
            texts: raw strings; an empty one is read as an unknown word.

        Raises:
            TypeError: for a single string, a whole DataFrame, or a value that is not a string.
            RuntimeError: for a Keras model, in a process that was forked after it was loaded.
            UserError: for a model whose logits are not finite.

        Example:
            >>> import sentiment
            >>> sentiment.load("models/imdb").predict_logits(["A wonderful film.", "Awful."]).shape
            (2, 1)
        """
        return self.logits_and_known(texts)[0]

    def logits_and_known(self, texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the logits of texts, and the share of known words of each.

        Returns:
            float32 [texts, 1 or classes] as `predict_logits`, and float64 [texts], from 0 to 1: the share of the words
            that the model reads, after truncation, that are in its vocabulary. Words are its tokens: a Chinese
            character or an emoji is one. For an ensemble, the vocabulary is the union of those of its members.

        Raises:
            TypeError, RuntimeError: as `predict_logits`.

        Example:
            >>> import sentiment
            >>> sentiment.load("models/imdb").logits_and_known(["Schlechter Film, nie wieder", ""])[1].tolist()
            [0.25, 0.0]
        """
        self.check_process()
        logits, known = [np.zeros((0, self._width), np.float32)], [np.zeros(0)]
        for part in text_parts(texts, self._texts_at_once):
            tokens = self.preprocessor.tokenize(part)
            batches = Batches(tokens, np.unique(tokens.lengths), self._batch_size).by_length()
            found = map_batches(batches, len(tokens), self._batch_logits, self._mapped)
            if not np.isfinite(found).all():
                raise UserError("the logits of the model are not finite: its weights are damaged, or too "
                                "large for its precision")
            logits.append(found)
            known.append(tokens.known)
        return np.concatenate(logits), np.concatenate(known)

    def predict_proba(self, texts: Iterable[str]) -> np.ndarray:
        """Return the class probabilities of texts, float64 [texts, classes]; each row adds up to 1.

        Raises:
            TypeError, RuntimeError: as `predict_logits`.

        Example:
            >>> import sentiment
            >>> sentiment.load("models/imdb").predict_proba(["A wonderful film."]).sum().round(6)
            np.float64(1.0)
        """
        return probabilities(self.predict_logits(texts))

    def predict(self, texts: Iterable[str], *, abstain_below: float = 0.0) -> list[Prediction]:
        """Return the prediction of each text: label, score, the scores of all classes, and the share of known words.

        Args:
            texts: raw strings.
            abstain_below: the probability, from 0 to 1, below which a prediction has None as its label.

        Raises:
            TypeError, RuntimeError: as `predict_logits`.
            UserError: for a threshold that is not a probability.

        Example:
            >>> import sentiment
            >>> model = sentiment.load("models/imdb")
            >>> [one.label for one in model.predict(["A wonderful film.", "A slow start."], abstain_below=0.7)]
            ['positive', None]
            >>> model.predict(["Schlechter Film, nie wieder"])[0].known
            0.25
        """
        with in_python():
            check_abstention(abstain_below)
        logits, known = self.logits_and_known(texts)
        return predictions(logits, known, self.class_names, abstain_below=abstain_below)

    def check_process(self) -> None:  # noqa: B027 - most have nothing to do
        """Prepare prediction in this process, which may be a forked child of the one that loaded the model.

        Raises:
            RuntimeError: if prediction is not possible there.
        """
