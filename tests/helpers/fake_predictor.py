"""A model whose answers are known, and which can be held up."""

import asyncio
import threading
from collections.abc import Sequence

import numpy as np

from sentiment.predictions import Prediction, predictions, probabilities

VOCABULARY = {"good": 2, "bad": 3, "film": 4}
WORTH = np.array([0.0, 0.0, 2.0, -3.0, 0.5], np.float32)  # of ids


class FakePredictor:
    """Adds up what the words are worth; `gate` holds answers up while it is cleared."""

    def __init__(self, sign: int = 1) -> None:
        self.class_names: tuple[str, ...] = ("neg", "pos")
        self.sign = sign
        self.batches: list[list[str]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.broken = False
        self.calls = 0
        self.itself: FakePredictor | None = None

    async def called(self, calls: int) -> None:
        """Wait until it was asked so often; its gate may hold the last answer up."""
        while self.calls < calls:
            await asyncio.sleep(0.001)

    def words_read(self, text: str) -> list[str]:
        return text.split() or ["[empty]"]

    def ids(self, text: str) -> np.ndarray:
        return np.array([VOCABULARY.get(word, 1) for word in self.words_read(text)], np.int32)

    def logits(self, ids: np.ndarray) -> np.ndarray:
        return np.asarray(self.sign * WORTH[ids].sum(axis=1, keepdims=True))

    def predict_logits(self, texts: Sequence[str]) -> np.ndarray:
        rows = [self.logits(self.ids(text)[None]) for text in texts]
        return np.concatenate([self.logits(np.zeros((0, 1), np.int32)), *rows])

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        self.calls += 1
        self.gate.wait(10)
        if self.broken:
            raise RuntimeError("/secret/path in _internal")
        self.batches.append(list(texts))
        return probabilities(self.predict_logits(texts))

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        return predictions(self.predict_logits(texts), self.class_names)
