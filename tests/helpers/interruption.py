"""A training that is broken off as if its process were killed."""

from typing import Any

import keras


class BrokenOffError(Exception):
    """The process was killed."""


class BreakOff(keras.callbacks.Callback):
    """Raises before a batch, counted over all epochs."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.left = at

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.left == 0:
            raise BrokenOffError
        self.left -= 1
