"""Runtimes of exported models: ids to logits."""

import os
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from sentiment.errors import UserError
from sentiment.machine import threads

INPUT, OUTPUT = "ids", "logits"


class OnnxEngine:
    """ONNX Runtime: small batches on a core each, which takes two thirds of the time of large ones on all cores.

    Attributes:
        width: the number of logits.
        batch_size: the number of texts of a call.
        workers: the number of threads that may call it at once.

    Raises:
        UserError: if ONNX Runtime is not installed, or the file is damaged.
    """

    batch_size = 8

    def __init__(self, path: Path) -> None:
        # It sends usage data by a thread, for which a forked child waits for ever when it exits.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        try:
            import onnxruntime
        except ImportError:
            raise UserError(f"{path.parent} is an export for ONNX Runtime: install it (pip install '.[onnx]')"
                            ) from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # of onnxruntime's own, which are not exported
            raise UserError(f"{path} is damaged: {str(error).splitlines()[0]}") from None
        self.workers = threads()
        self.width = self._session.get_outputs()[0].shape[-1]

    def logits(self, ids: np.ndarray) -> np.ndarray:
        """Return float32 [batch, width] for ids int32 [batch, time]."""
        answers: np.ndarray = self._session.run([OUTPUT], {INPUT: ids})[0]
        return answers


class LiteEngine:
    """LiteRT, one text at a time; the attributes are those of `OnnxEngine`.

    Raises:
        UserError: if LiteRT is not installed, or the file is damaged.
    """

    batch_size = 1
    workers = 1

    def __init__(self, path: Path) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter, OpResolverType
        except ImportError:
            raise UserError(f"{path.parent} is an export for LiteRT: install it (pip install '.[litert]')") from None
        try:
            # On a recurrent model its default delegate takes 1.7 times as long.
            self._interpreter: Any = Interpreter(
                model_content=path.read_bytes(), num_threads=threads(),
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
        except (ValueError, RuntimeError) as error:
            raise UserError(f"{path} is damaged: {str(error).splitlines()[0]}") from None
        self._input = self._interpreter.get_input_details()[0]["index"]
        output = self._interpreter.get_output_details()[0]
        self._output, self.width = output["index"], int(output["shape"][-1])
        self._time = 0
        self._lock = Lock()  # an interpreter holds the state of one call

    def logits(self, ids: np.ndarray) -> np.ndarray:
        """Return float32 [1, width] for ids int32 [1, time]."""
        with self._lock:
            if ids.shape[1] != self._time:
                self._interpreter.resize_tensor_input(self._input, ids.shape)
                self._interpreter.allocate_tensors()
                self._time = ids.shape[1]
            self._interpreter.set_tensor(self._input, ids)
            self._interpreter.invoke()
            answers: np.ndarray = self._interpreter.get_tensor(self._output)
        return answers
