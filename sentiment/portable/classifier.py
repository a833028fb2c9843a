"""A trained model for raw texts, without TensorFlow."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import numpy as np

from sentiment.batching import Batches, TokenizedTexts, map_batches
from sentiment.portable.engines import Engine, LiteEngine, OnnxEngine
from sentiment.portable.folder import PortableFolder
from sentiment.predictions import Prediction, check_process, predictions, probabilities, text_parts
from sentiment.text import PlainTokenizer

TEXTS_AT_ONCE = 4096


class PortableClassifier:
    """Predicts the class of raw texts without TensorFlow.

    Attributes:
        class_names: the names of the classes by index.
        tokenizer: raw texts to ids.
    """

    def __init__(self, engine: Engine, tokenizer: PlainTokenizer, class_names: Sequence[str]) -> None:
        self._engine = engine
        self._mapped: Callable[..., Iterable[Any]] = map
        if engine.workers > 1:
            self._mapped = ThreadPoolExecutor(engine.workers, thread_name_prefix="predict").map
        self.tokenizer = tokenizer
        self.class_names = tuple(class_names)
        self._process = os.getpid()

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Load what `sentiment export --format onnx` or `--format litert` wrote.

        Raises:
            UserError: if what runs it is not installed, or a file is missing or damaged.
        """
        folder = PortableFolder(path)
        engine = LiteEngine.load(folder.lite) if folder.lite.is_file() else OnnxEngine.load(folder.onnx)
        return cls(engine, folder.load_tokenizer(), folder.load_class_names())

    def words_read(self, text: str) -> list[str]:
        """Return the words of a text that the model reads, standardised and truncated, at least one."""
        return self.tokenizer.words_read(text)

    def ids(self, text: str) -> np.ndarray:
        """Return the ids of these words, int32 [words]."""
        return np.array(self.tokenizer.ids(text), np.int32)

    def logits(self, ids: np.ndarray) -> np.ndarray:
        """Return float32 [texts, 1 or classes] for ids int32 [texts, time], padded on the right."""
        size = self._engine.batch_size
        parts = [ids[start:start + size] for start in range(0, len(ids), size)]
        return np.concatenate(list(self._mapped(self._engine.logits, parts)))

    def predict_logits(self, texts: Iterable[str]) -> np.ndarray:
        """Return float32 [texts, 1 or classes]; one logit is the log-odds of the second of two classes.

        Raises:
            TypeError: for one string, a whole DataFrame, or a value that is no string.
            RuntimeError: in a process that was forked after the model was loaded.
        """
        check_process(self._process)
        parts = [np.zeros((0, self._engine.width), np.float32)]
        for part in text_parts(texts, TEXTS_AT_ONCE):
            tokens = TokenizedTexts.from_ids([self.tokenizer.ids(text) for text in part])
            batches = Batches(tokens, np.unique(tokens.lengths), self._engine.batch_size)
            parts.append(map_batches(batches.by_length(), len(tokens), self._engine.logits, self._mapped))
        return np.concatenate(parts)

    def predict_proba(self, texts: Iterable[str]) -> np.ndarray:
        """Return float64 [texts, classes]: the probability of each class; each row adds up to 1."""
        return probabilities(self.predict_logits(texts))

    def predict(self, texts: Iterable[str]) -> list[Prediction]:
        """Return a prediction for each text, in order; an empty text is answered as an unknown word.

        Raises:
            TypeError: as `predict_logits`.
        """
        return predictions(self.predict_logits(texts), self.class_names)
