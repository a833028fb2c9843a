"""Text classifier in ONNX Runtime or LiteRT, without TensorFlow."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import numpy as np

from sentiment.inference.engines import LiteEngine, OnnxEngine
from sentiment.inference.erasure import WordWeights, word_weights
from sentiment.inference.portable_folder import PortableFolder
from sentiment.inference.predictor import Predictor

TEXTS_AT_ONCE = 4096


class PortableClassifier(Predictor):
    """Text classifier with an exported model, without TensorFlow.

    A forked child process opens the model file again on its first prediction, because it lacks the threads of its
    parent, and a lock of the runtime may have been held at the fork.

    Args:
        folder: a complete export.

    Raises:
        UserError: if its runtime is not installed, or a file is damaged.
    """

    def __init__(self, folder: PortableFolder) -> None:
        self._model = folder.model.absolute()  # a child may change its directory
        self._state = _state(self._model)
        self._open()
        engine = self._engine
        names = folder.load_class_names(2 if engine.width == 1 else engine.width)
        super().__init__(folder.load_tokenizer(), names, width=engine.width, batch_size=engine.batch_size,
                         texts_at_once=TEXTS_AT_ONCE, mapped=self._mapped, notes=folder.load_notes(),
                         trained_on=folder.load_trained_on())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Load an export of `sentiment export --format onnx` or `--format litert`.

        Raises:
            UserError: if its runtime is not installed, or a file is missing, damaged, or of another export.
        """
        folder = PortableFolder(path)
        folder.check()
        return cls(folder)

    def explain(self, text: str, class_name: str | None = None) -> WordWeights:
        """Return the weight of each word of a text in its prediction, by erasure; see `WordWeights`.

        A run explains itself by integrated gradients, which an export cannot compute.

        Raises:
            UserError: for an unknown class.

        Example:
            >>> import sentiment
            >>> sentiment.load().explain("A wonderful film.").words
            ['a', 'wonderful', 'film']
        """
        return word_weights(self, text, class_name)

    def _open(self) -> None:
        """Open the model in this process."""
        engine = LiteEngine(self._model) if self._model.suffix == ".tflite" else OnnxEngine(self._model)
        self._engine: LiteEngine | OnnxEngine = engine
        self._mapped = ThreadPoolExecutor(engine.workers, thread_name_prefix="predict").map if engine.workers > 1 \
            else map
        self._process = os.getpid()

    def check_process(self) -> None:
        """Open the model again in a forked child; concurrent first calls may each do so.

        Raises:
            RuntimeError: if its file has changed since it was loaded.
        """
        if self._process == os.getpid():
            return
        if not self._model.is_file() or _state(self._model) != self._state:
            raise RuntimeError(f"{self._model} has been replaced or removed since it was loaded, so that this forked "
                               "process cannot open it: load the model after the fork")
        self._open()

    def _batch_logits(self, ids: np.ndarray) -> np.ndarray:
        return self._engine.logits(ids)


def _state(path: Path) -> tuple[int, int, int]:
    """Return a fingerprint of a file that changes when it is replaced or written."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
