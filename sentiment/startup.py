"""Start of TensorFlow, late and without the messages that are of no use to a user of this package."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext


@contextmanager
def ended_by_sigint() -> Iterator[None]:
    """Let Ctrl-C end the process within the block, without a word: the import of a library may crash on an exception.

    A signal that is ignored or handled stays so, and a thread other than the first changes nothing.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

_used_in: list[int] = []  # the ID of the process that used TensorFlow first; a forked child inherits it


def use_tensorflow() -> None:
    """Note that this process uses TensorFlow, and refuse it in a forked child of one that did.

    Raises:
        RuntimeError: in such a child, which lacks the threads that TensorFlow has started and would wait for them for
            ever.
    """
    if _used_in and _used_in[0] != os.getpid():
        raise RuntimeError("this process was forked after TensorFlow had started its threads, for which it would wait "
                           "for ever: load or train models only after the fork, start processes by 'spawn' (joblib: "
                           "'loky' or 'threading'), or predict with an export (python -m sentiment export MODEL "
                           "--format onnx), which answers in forked processes")
    _used_in[:] = [os.getpid()]


def import_tensorflow(*, devices: bool = False) -> None:
    """Import TensorFlow without the lines that its native part prints before any log level applies.

    Args:
        devices: whether to look for devices as well, which prints lines of its own; nothing about devices can be
            configured afterwards. As only the command line asks for it, Ctrl-C then ends the process.
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
            with ended_by_sigint() if devices else nullcontext():
                import keras  # noqa: F401  which is used in any case
                import tensorflow as tf

            if devices and "TF_CONFIG" not in os.environ:  # workers must be connected before a device is asked for
                tf.config.list_logical_devices()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
