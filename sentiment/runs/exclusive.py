"""Lock of the process for a training from Python."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

import numpy as np

from sentiment.startup import use_tensorflow

_training = RLock()


@contextmanager
def exclusive_training() -> Iterator[None]:
    """Exclude other trainings in this process within the block; then restore the random state of Python and NumPy.

    TensorFlow's global seed stays as the training sets it, because it cannot be read.

    Seeds and layer names are global in Keras, so trainings in two threads at once would affect each other.

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
