"""Start of TensorFlow, late and without the messages that are of no use to a user of this package."""

import os
import sys


def import_tensorflow(*, devices: bool = False) -> None:
    """Import TensorFlow without the lines that its native part prints before any log level applies.

    Args:
        devices: whether to look for devices as well, which prints lines of its own; nothing about devices can be
            configured afterwards.
    """
    if "tensorflow" in sys.modules and not devices:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        kept = os.dup(2)
    except OSError:  # there is no stderr
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            import tensorflow as tf

            if devices and "TF_CONFIG" not in os.environ:  # workers must be connected before a device is asked for
                tf.config.list_logical_devices()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
