"""Exclusive use of the process for a training that a caller of Python starts."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

import numpy as np

_training = RLock()
_trained_in: list[int] = []  # the ID of the process that trained first; a forked child inherits it


@contextmanager
def exclusive_training() -> Iterator[None]:
    """Train nothing else in this process within the block, and restore the random generators of Python and NumPy.

    TensorFlow's global seed stays as the training has set it: it cannot be read.

    Seeds and names of layers are global in Keras: two threads that trained at once would draw from one another's.

    Raises:
        RuntimeError: in a process that was forked after a training, where TensorFlow would wait for threads for ever.
    """
    if _trained_in and _trained_in[0] != os.getpid():
        raise RuntimeError("this process was forked after TensorFlow had started its threads, and a training would "
                           "never end: start processes by 'spawn', or use joblib's backend 'loky' or 'threading'")
    with _training:
        _trained_in[:] = [os.getpid()]
        states = random.getstate(), np.random.get_state()
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
