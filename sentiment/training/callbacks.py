"""Keras callbacks of a run, and the display of its progress."""

import time
from pathlib import Path
from typing import Any

import keras

from sentiment.config import TrainingConfig
from sentiment.console import new_progress
from sentiment.errors import UserError


class ProgressDisplay(keras.callbacks.Callback):
    """A bar with the time left of all epochs on a terminal, and a line an epoch everywhere."""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Start the clock and the bar."""
        self.started = time.perf_counter()
        self.progress = new_progress()
        self.task = self.progress.add_task("training", total=self.params["epochs"] * self.params["steps"])
        self.progress.start()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Remember the epoch's number."""
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Advance the bar."""
        loss = (logs or {}).get("loss", float("nan"))
        description = f"epoch {self.epoch + 1}/{self.params['epochs']}  loss {loss:.4f}"
        self.progress.update(self.task, advance=1, description=description)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Print the epoch's line."""
        values = logs or {}
        seconds = time.perf_counter() - self.started
        left = seconds / (epoch + 1) * (self.params["epochs"] - epoch - 1)
        self.progress.console.print(
            f"epoch {epoch + 1}/{self.params['epochs']}  loss {values['loss']:.4f}  "
            f"accuracy {values['accuracy']:.4f}  validation loss {values['val_loss']:.4f}  "
            f"accuracy {values['val_accuracy']:.4f}  {seconds:.0f} s, at most {left:.0f} s left", markup=False)

    def close(self) -> None:
        """Take the bar off the screen; called also when training ends with an error."""
        self.progress.stop()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Take the bar off the screen."""
        self.close()


def make_callbacks(config: TrainingConfig, epochs: int, history: Path, checkpoint: Path, tensorboard: Path | None
                   ) -> list[keras.callbacks.Callback]:
    """Return early stopping that restores the best epoch, its checkpoint, the CSV log, and what was asked for.

    Args:
        config: `monitor`, `patience` and the schedule are read.
        epochs: the largest number of epochs.
        history: the CSV file, a row an epoch.
        checkpoint: `.weights.h5` file that holds the best weights so far.
        tensorboard: folder for TensorBoard's logs, or None.

    Raises:
        UserError: if TensorBoard is asked for and not installed.
    """
    mode = "max" if config.monitor == "val_accuracy" else "min"
    stopping = keras.callbacks.EarlyStopping(config.monitor, patience=config.patience_for(epochs), mode=mode,
                                             restore_best_weights=True)
    best = keras.callbacks.ModelCheckpoint(str(checkpoint), config.monitor, mode=mode, save_best_only=True,
                                           save_weights_only=True)
    callbacks = [stopping, best, keras.callbacks.CSVLogger(str(history))]
    if config.schedule == "plateau":
        callbacks.append(keras.callbacks.ReduceLROnPlateau(config.monitor, factor=0.5, mode=mode,
                                                           patience=config.plateau_patience, min_delta=0))
    if tensorboard is not None:
        try:
            import tensorboard as _  # noqa: F401
        except ImportError:
            raise UserError("--tensorboard needs the package: pip install '.[tensorboard]'") from None
        callbacks.append(keras.callbacks.TensorBoard(str(tensorboard)))
    return callbacks
