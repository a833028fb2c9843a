"""Import of TensorFlow without its start-up messages, and its refusal in forked processes."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext


@contextmanager
def ended_by_sigint() -> Iterator[None]:
    """Let Ctrl-C end the process silently within the block, because an exception may crash the import of a library.

    Nothing changes if the signal is ignored or has a handler, or in threads other than the main thread.
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


_used_in: list[int] = []  # the id of the process that used TensorFlow first; a forked child inherits it


def use_tensorflow() -> None:
    """Record that this process uses TensorFlow, and refuse TensorFlow in its forked children.

    Raises:
        RuntimeError: in a forked child, which lacks the threads that TensorFlow has started and would wait for them
            forever.
    """
    if _used_in and _used_in[0] != os.getpid():
        raise RuntimeError("this process was forked after TensorFlow had started its threads, for which it would wait "
                           "forever: load or train models only after the fork, start processes by 'spawn' (joblib: "
                           "'loky' or 'threading'), or predict with an export (python -m sentiment export MODEL "
                           "--format onnx), which works in forked processes")
    _used_in[:] = [os.getpid()]


def import_tensorflow(*, devices: bool = False, training: bool = False) -> None:
    """Import TensorFlow without the lines that its native code prints before any log level applies.

    Args:
        devices: whether to initialise devices as well, which also prints lines; devices cannot be configured
            afterwards. Only the command line does this, so Ctrl-C then ends the process.
        training: whether the process trains. TensorFlow then reuses the memory of freed tensors
            (`TF_CPU_ALLOCATOR_USE_BFC`, unless it is set). Otherwise the C library returns much of it to the system,
            and each batch waits for new pages to be cleared: a fifth of the training time of `bimingru` on a CPU.
    """
    if "tensorflow" in sys.modules and not devices:
        return
    if training:
        os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        kept = os.dup(2)
    except OSError:  # no stderr
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            with ended_by_sigint() if devices else nullcontext():
                import keras  # noqa: F401  which is used in any case
                import tensorflow as tf

            if devices and "TF_CONFIG" not in os.environ:  # workers must be connected before devices are listed
                tf.config.list_logical_devices()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
