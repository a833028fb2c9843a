"""A trained model for raw texts in ONNX Runtime."""

import os
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from sentiment.batching import Batches, TokenizedTexts, map_batches
from sentiment.errors import UserError
from sentiment.machine import threads
from sentiment.portable.folder import PortableFolder
from sentiment.portable.tokens import PlainTokenizer
from sentiment.predictions import Prediction, predictions, probabilities

BATCH_SIZE = 128
INPUT, OUTPUT = "ids", "logits"


class PortableClassifier:
    """Predicts the class of raw texts without TensorFlow.

    Attributes:
        class_names: the names of the classes by index.
        tokenizer: raw texts to ids.
    """

    def __init__(self, session: Any, tokenizer: PlainTokenizer, class_names: Sequence[str]) -> None:
        """Use an `onnxruntime.InferenceSession` from ids, int32 [batch, time], to logits."""
        self._session = session
        self.tokenizer = tokenizer
        self.class_names = tuple(class_names)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Load what `sentiment export --format onnx` wrote.

        Raises:
            UserError: if ONNX Runtime is not installed, or a file is missing or damaged.
        """
        folder = PortableFolder(path)
        return cls(_session(folder), folder.load_tokenizer(), folder.load_class_names())

    def predict_logits(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 [texts, 1 or classes]; one logit is the log-odds of the second of two classes."""
        tokens = TokenizedTexts.from_ids([self.tokenizer.ids(text) for text in texts])
        if not len(tokens):
            return np.zeros((0, self._session.get_outputs()[0].shape[-1]), np.float32)
        batches = Batches(tokens, np.unique(tokens.lengths), BATCH_SIZE)
        return map_batches(batches.by_length(), len(tokens), lambda ids: self._session.run([OUTPUT], {INPUT: ids})[0])

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        """Return float64 [texts, classes]: the probability of each class; each row adds up to 1."""
        return probabilities(self.predict_logits(texts))

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Return a prediction for each text, in order; an empty text is answered as an unknown word.

        Raises:
            TypeError: if `texts` is one string and not a sequence of them.
        """
        if isinstance(texts, str):
            raise TypeError("predict takes a list of texts: predict([text])")
        return predictions(self.predict_logits(texts), self.class_names)


def _session(folder: PortableFolder) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise UserError(f"{folder.path} is an export for ONNX Runtime: install it (pip install '.[onnx]')"
                        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(folder.model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of onnxruntime's own, which are not exported
        raise UserError(f"{folder.model} is damaged: {str(error).splitlines()[0]}") from None
