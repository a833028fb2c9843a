"""Time of a prediction from the shell: a new process that imports, loads, predicts and ends."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PREDICT = ("-m", "sentiment", "predict")
TEXT = "A wonderful film."


def portable(*, run: str) -> Callable[[], None]:
    """Return a run of `sentiment predict` on the export for ONNX Runtime."""
    return lambda: _python(*PREDICT, str(Path(run) / "onnx"), TEXT)


def whole(*, run: str) -> Callable[[], None]:
    """Return a run of `sentiment predict` on the run folder, in TensorFlow."""
    return lambda: _python(*PREDICT, run, TEXT)


def tensorflow(*, run: str) -> Callable[[], None]:
    """Return a run of the imports of TensorFlow and Keras alone."""
    return lambda: _python("-c", "import tensorflow, keras")


def _python(*words: str) -> None:
    subprocess.run([sys.executable, *words], check=True, capture_output=True)  # noqa: S603


SIDES = {"sentiment": portable, "sentiment tensorflow": whole, "import tensorflow": tensorflow}
