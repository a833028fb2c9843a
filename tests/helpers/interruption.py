"""A training that is broken off as if its process were killed."""

from typing import Any

import keras


class BrokenOffError(Exception):
    """The process was killed."""


class BreakOff(keras.callbacks.Callback):
    """Raises at the end of a batch, counted from 1 over all epochs, before its checkpoint would be saved."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.left = at

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.left -= 1
        if self.left == 0:
            raise BrokenOffError
