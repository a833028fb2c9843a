"""Runtimes of exported models, from ids to logits."""

import mmap
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from sentiment.errors import UserError, first_line
from sentiment.machine import threads

INPUT, OUTPUT = "ids", "logits"
# In an ONNX file, this key, after its length, precedes the file name of a tensor with external data.
EXTERNAL_DATA = re.compile(rb"(?<=[\x00\x08])location")


@contextmanager
def _failing_as_user_error(path: Path) -> Iterator[None]:
    """Convert an error of a runtime to `UserError`; the runtimes do not export their error types."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{path} is damaged: {first_line(error)}") from None


def _checked_width(path: Path, shape: Sequence[Any]) -> int:
    """Return the number of logits, from the shape of the output."""
    width = shape[-1] if len(shape) == 2 else None
    if not isinstance(width, int | np.integer) or width < 1:
        raise UserError(f"{path} is not of this project: its output has the shape {list(shape)}, expected [texts, "
                        "1 or classes]")
    return int(width)


def _checked_logits(path: Path, outputs: Any, rows: int, width: int) -> np.ndarray:
    """Return the output of a runtime if it is one row of logits per text."""
    found = np.asarray(outputs)
    if found.shape != (rows, width) or found.dtype != np.float32:
        raise UserError(f"{path} is damaged: its output is {found.dtype} {list(found.shape)}, expected float32 "
                        f"{[rows, width]}")
    return found


def import_onnxruntime() -> Any:
    """Import ONNX Runtime without its telemetry, for whose thread a forked child waits for ever when it exits."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


class OnnxEngine:
    """ONNX Runtime: small batches on one core each, in two thirds of the time of large batches on all cores.

    Attributes:
        width: the number of logits.
        batch_size: the number of texts per call.
        workers: the number of threads that may call it concurrently.

    Raises:
        UserError: if ONNX Runtime is not installed, or the file is damaged, or has external data.
    """

    batch_size = 8

    def __init__(self, path: Path) -> None:
        try:
            onnxruntime = import_onnxruntime()
        except ImportError:
            raise UserError(f"{path.parent} is an export for ONNX Runtime: install it (pip install '.[onnx]')"
                            ) from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._path = path
        with _failing_as_user_error(path):
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                if EXTERNAL_DATA.search(content):
                    raise UserError(f"{path} is refused: it reads values from other files; export the model again")
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            self.width = _checked_width(path, self._session.get_outputs()[0].shape)
        self.workers = threads()

    def logits(self, ids: np.ndarray) -> np.ndarray:
        """Return float32 [batch, width] for ids int32 [batch, time]."""
        with _failing_as_user_error(self._path):
            return _checked_logits(self._path, self._session.run([OUTPUT], {INPUT: ids})[0], len(ids), self.width)


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
        self._path = path
        with _failing_as_user_error(path):
            # On a recurrent model the default delegate takes 1.7 times as long.
            self._interpreter: Any = Interpreter(
                model_content=path.read_bytes(), num_threads=threads(),
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
            self._input = self._interpreter.get_input_details()[0]["index"]
            output = self._interpreter.get_output_details()[0]
            self._output, self.width = output["index"], _checked_width(path, output["shape"])
        self._time = 0
        self._lock = Lock()  # an interpreter has the state of one call

    def logits(self, ids: np.ndarray) -> np.ndarray:
        """Return float32 [1, width] for ids int32 [1, time]."""
        with self._lock, _failing_as_user_error(self._path):
            if ids.shape[1] != self._time:
                self._interpreter.resize_tensor_input(self._input, ids.shape)
                self._interpreter.allocate_tensors()
                self._time = ids.shape[1]
            self._interpreter.set_tensor(self._input, ids)
            self._interpreter.invoke()
            return _checked_logits(self._path, self._interpreter.get_tensor(self._output), len(ids), self.width)
