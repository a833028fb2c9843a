"""What runs an exported model: ids to logits."""

from pathlib import Path
from threading import Lock
from typing import Any, Protocol, Self

import numpy as np

from sentiment.errors import UserError
from sentiment.machine import threads

INPUT, OUTPUT = "ids", "logits"


class Engine(Protocol):
    """A loaded model.

    Attributes:
        width: how many logits it gives.
        batch_size: how many texts it takes at once.
        workers: how many threads may ask it at once.
    """

    width: int
    batch_size: int
    workers: int

    def logits(self, ids: np.ndarray) -> np.ndarray:
        """Return float32 [batch, width] for ids int32 [batch, time]."""


class OnnxEngine:
    """ONNX Runtime: small batches on a core each, which takes two thirds of the time of large ones on all cores."""

    batch_size = 8

    def __init__(self, session: Any) -> None:
        self._session = session
        self.workers = threads()
        self.width = session.get_outputs()[0].shape[-1]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load a model file.

        Raises:
            UserError: if ONNX Runtime is not installed, or the file is damaged.
        """
        try:
            import onnxruntime
        except ImportError:
            raise UserError(f"{path.parent} is an export for ONNX Runtime: install it (pip install '.[onnx]')"
                            ) from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        try:
            return cls(onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]))
        except Exception as error:  # of onnxruntime's own, which are not exported
            raise UserError(f"{path} is damaged: {str(error).splitlines()[0]}") from None

    def logits(self, ids: np.ndarray) -> np.ndarray:
        """Run the model."""
        answers: np.ndarray = self._session.run([OUTPUT], {INPUT: ids})[0]
        return answers


class LiteEngine:
    """LiteRT, one text at a time."""

    batch_size = 1
    workers = 1

    def __init__(self, interpreter: Any) -> None:
        self._interpreter = interpreter
        self._input = interpreter.get_input_details()[0]["index"]
        self._output = interpreter.get_output_details()[0]["index"]
        self.width = int(interpreter.get_output_details()[0]["shape"][-1])
        self._time = 0
        self._lock = Lock()  # an interpreter holds the state of one call

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load a model file.

        Raises:
            UserError: if LiteRT is not installed, or the file is damaged.
        """
        try:
            from ai_edge_litert.interpreter import Interpreter, OpResolverType
        except ImportError:
            raise UserError(f"{path.parent} is an export for LiteRT: install it (pip install '.[litert]')") from None
        try:
            # On a recurrent model its default delegate takes 1.7 times as long.
            return cls(Interpreter(model_content=path.read_bytes(), num_threads=threads(),
                                   experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES))
        except (ValueError, RuntimeError) as error:
            raise UserError(f"{path} is damaged: {str(error).splitlines()[0]}") from None

    def logits(self, ids: np.ndarray) -> np.ndarray:
        """Run the model on ids int32 [1, time]."""
        with self._lock:
            if ids.shape[1] != self._time:
                self._interpreter.resize_tensor_input(self._input, ids.shape)
                self._interpreter.allocate_tensors()
                self._time = ids.shape[1]
            self._interpreter.set_tensor(self._input, ids)
            self._interpreter.invoke()
            answers: np.ndarray = self._interpreter.get_tensor(self._output)
        return answers
