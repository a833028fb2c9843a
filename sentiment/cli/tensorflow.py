"""The import of TensorFlow, late and quiet, and only where it is needed."""

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentiment.inference import Predictor


def import_tensorflow() -> None:
    """Import TensorFlow without the lines that its native part prints before any log level applies."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            import tensorflow as tf

            if "TF_CONFIG" not in os.environ:  # workers must be connected before a device is asked for
                tf.config.list_logical_devices()
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def load(model: str | os.PathLike[str], mixed_precision: bool = False) -> "Predictor":
    """Load the classifier of a run or of an export, which need no TensorFlow; see `sentiment.load`."""
    import sentiment
    from sentiment.inference import PortableFolder

    if not PortableFolder(model).exists():
        import_tensorflow()
    return sentiment.load(model, mixed_precision=mixed_precision)
