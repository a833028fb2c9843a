"""Text classifier in ONNX Runtime or LiteRT, without TensorFlow."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import numpy as np

from sentiment.inference.engines import LiteEngine, OnnxEngine
from sentiment.inference.portable_folder import PortableFolder
from sentiment.inference.predictor import Predictor
from sentiment.text import PlainTokenizer

TEXTS_AT_ONCE = 4096


class PortableClassifier(Predictor):
    """Predicts the class of raw texts with an exported model, without TensorFlow.

    Args:
        engine: the runtime of the model.
        preprocessor: raw texts to ids.
        class_names: the names of the classes by index.
        notes: as of `Predictor`.
    """

    def __init__(self, engine: OnnxEngine | LiteEngine, preprocessor: PlainTokenizer,
                 class_names: Sequence[str], notes: Sequence[str] = ()) -> None:
        mapped = ThreadPoolExecutor(engine.workers, thread_name_prefix="predict").map if engine.workers > 1 else map
        super().__init__(preprocessor, class_names, width=engine.width, batch_size=engine.batch_size,
                         texts_at_once=TEXTS_AT_ONCE, mapped=mapped, notes=notes)
        self._engine = engine

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Load what `sentiment export --format onnx` or `--format litert` wrote.

        Raises:
            UserError: if its runtime is not installed, or a file is missing, damaged, or of another export.
        """
        folder = PortableFolder(path)
        folder.check()
        engine = LiteEngine(folder.lite) if folder.model == folder.lite else OnnxEngine(folder.onnx)
        names = folder.load_class_names(2 if engine.width == 1 else engine.width)
        return cls(engine, folder.load_tokenizer(), names, folder.load_notes())

    def _batch_logits(self, ids: np.ndarray) -> np.ndarray:
        return self._engine.logits(ids)
