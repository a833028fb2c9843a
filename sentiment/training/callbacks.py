"""Keras callbacks of a run, and their state in checkpoints."""

import csv
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from sentiment.config import TrainingConfig
from sentiment.console import log, new_progress
from sentiment.errors import UserError
from sentiment.files import atomic_path


class HistoryFile(keras.callbacks.Callback):
    """Callback that writes the history as CSV after each epoch, one row per epoch; must follow Keras's `History`."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the file atomically."""
        history = self.model.history
        columns = {"epoch": history.epoch, **{name: history.history[name] for name in sorted(history.history)}}
        with atomic_path(self.path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([columns, *zip(*columns.values(), strict=True)])


WARM_UP_STEPS = 5  # of a process, in which the graph is traced and the caches are filled


class Seconds(NamedTuple):
    """Duration of a training.

    Attributes:
        epochs: seconds of the epochs only, from first to last.
        before: the seconds before the last interruption.
    """

    epochs: float
    before: float = 0.0

    def since(self, started: float) -> dict[str, float]:
        """Return the seconds of the epochs, and the total since `started`, a `time.perf_counter`."""
        return {"epochs": round(self.epochs, 1), "all": round(time.perf_counter() - started + self.before, 1)}


class ProgressDisplay(keras.callbacks.Callback):
    """Progress bar over all epochs on a terminal, and one log line per epoch.

    The time left is estimated without the first steps and the first validation of this process, in which TensorFlow
    traces the graph: after its first epoch from the later steps, from then on from the later epochs.

    Args:
        summary: formats the metrics of an epoch as one line.

    Attributes:
        seconds: duration so far, including that before an interruption.
        seconds_here: duration since the last interruption.
    """

    def __init__(self, summary: Callable[[Mapping[str, float]], str]) -> None:
        super().__init__()
        self.summary = summary
        self.progress = new_progress()

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Start the clock and the bar."""
        self.seconds, self.seconds_here, self.steps = 0.0, 0.0, 0
        self.steps_here, self.epochs_here = 0, 0
        self.warm, self.trained, self.first_epoch = 0.0, 0.0, 0.0  # seconds here, after steps and the first epoch
        self.last = time.perf_counter()
        self.task = self.progress.add_task("training", total=self.params["epochs"] * self.params["steps"])
        self.progress.start()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Store the epoch's number."""
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Advance the bar."""
        loss = (logs or {}).get("loss", float("nan"))
        description = f"epoch {self.epoch + 1}/{self.params['epochs']}  loss {loss:.4f}"
        self.steps += 1
        self.steps_here += 1
        self.progress.update(self.task, completed=self.steps, description=description)
        self._tick()
        if self.steps_here == WARM_UP_STEPS:
            self.warm = self.seconds_here
        if not self.epochs_here:
            self.trained = self.seconds_here

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Print the epoch's line."""
        self._tick()
        self.epochs_here += 1
        seconds, remaining = self._seconds_of_an_epoch(), self.params["epochs"] - epoch - 1
        left = f", at most {seconds * remaining:.0f} s left" if seconds is not None and remaining else ""
        log(f"epoch {epoch + 1}/{self.params['epochs']}  {self.summary(logs or {})}  {self.seconds:.0f} s{left}")

    def _seconds_of_an_epoch(self) -> float | None:
        """Return an estimate of the duration of a later epoch; None after a first epoch with few steps."""
        if self.epochs_here > 1:
            return (self.seconds_here - self.first_epoch) / (self.epochs_here - 1)
        self.first_epoch = self.seconds_here
        later = self.steps_here - WARM_UP_STEPS
        return (self.trained - self.warm) / later * self.params["steps"] if later >= WARM_UP_STEPS else None

    def _tick(self) -> None:
        now = time.perf_counter()
        passed, self.last = now - self.last, now
        self.seconds += passed
        self.seconds_here += passed

    @property
    def taken(self) -> Seconds:
        """Duration so far in seconds."""
        return Seconds(self.seconds, self.seconds - self.seconds_here)

    def close(self) -> None:
        """Remove the bar; also called when training ends with an error."""
        self.progress.stop()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Remove the bar."""
        self.close()


# Attributes of callbacks in a checkpoint; the weights of the best epoch are saved as arrays.
KEPT: dict[type, tuple[str, ...]] = {
    keras.callbacks.History: ("epoch", "history"),
    keras.callbacks.EarlyStopping: ("wait", "stopped_epoch", "best", "best_epoch"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    ProgressDisplay: ("seconds", "steps"),
}


def state_of_callback(callback: keras.callbacks.Callback) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Return the state of a callback as JSON values, and its stored weights."""
    kept = {name: getattr(callback, name) for kind in type(callback).__mro__ for name in KEPT.get(kind, ())}
    return kept, list(getattr(callback, "best_weights", None) or ())


def restore_callback(callback: keras.callbacks.Callback, state: dict[str, Any], weights: list[np.ndarray]) -> None:
    """Restore the state of a callback, after `on_train_begin`."""
    for name, value in state.items():
        setattr(callback, name, value)
    if hasattr(callback, "best_weights"):
        callback.best_weights = weights or None


def make_callbacks(config: TrainingConfig, epochs: int, history: Path, tensorboard: Path | None
                   ) -> list[keras.callbacks.Callback]:
    """Return early stopping that restores the best epoch, the CSV log, and the callbacks of the configuration.

    Args:
        config: with `monitor`, `patience` and the schedule.
        epochs: the maximum number of epochs.
        history: the CSV file, one row per epoch.
        tensorboard: folder for TensorBoard's logs, or None.

    Raises:
        UserError: if TensorBoard logs are configured and it is not installed.
    """
    mode = "max" if config.monitor == "val_accuracy" else "min"
    stopping = keras.callbacks.EarlyStopping(config.monitor, patience=config.patience_for(epochs), mode=mode,
                                             restore_best_weights=True)
    callbacks = [stopping, HistoryFile(history)]
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
