"""Start of TensorFlow, late and without the messages that are of no use to a user of this package."""

import logging
import os
import re
import sys

RETRACED = re.compile(r"calls to <(?:function|bound method) (\w+).*triggered tf.function retracing", re.DOTALL)


def import_tensorflow(*, devices: bool = False) -> None:
    """Import TensorFlow without the lines that its native part prints before any log level applies.

    Args:
        devices: whether to look for devices as well, which prints lines of its own; nothing about devices can be
            configured afterwards.
    """
    logging.getLogger("tensorflow").addFilter(not_ours)
    if "tensorflow" in sys.modules and not devices:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            import tensorflow as tf

            if devices and "TF_CONFIG" not in os.environ:  # workers must be connected before a device is asked for
                tf.config.list_logical_devices()
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def not_ours(record: logging.LogRecord) -> bool:
    """Return False for a warning that a function of this package was traced again, as each model is once."""
    found = RETRACED.search(record.getMessage())
    return found is None or not any(hasattr(module, found[1]) for name, module in list(sys.modules.items())
                                    if name.partition(".")[0] == __package__)
