"""Exclusive use of the process for a training that a caller of Python starts."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

import numpy as np

from sentiment.startup import use_tensorflow

_training = RLock()


@contextmanager
def exclusive_training() -> Iterator[None]:
    """Train nothing else in this process within the block, and restore the random generators of Python and NumPy.

    TensorFlow's global seed stays as the training has set it: it cannot be read.

    Seeds and names of layers are global in Keras: two threads that trained at once would draw from one another's.

    Raises:
        RuntimeError: in a process that was forked after TensorFlow had been used.
    """
    use_tensorflow()
    with _training:
        states = random.getstate(), np.random.get_state()
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
