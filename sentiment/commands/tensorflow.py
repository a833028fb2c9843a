"""The import of TensorFlow, late and quiet."""

import os
import sys


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
