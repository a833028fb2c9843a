"""Resumption of a run from its newest checkpoint, with the same bits."""

import dataclasses
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from sentiment.batching import TokenizedTexts
from sentiment.console import log
from sentiment.errors import UserError
from sentiment.training.callbacks import restore_callback, state_of_callback
from sentiment.training.checkpoints import Checkpoint, Checkpoints

BEST = "best"
VARIABLE = "variable"


@dataclass
class Place:
    """Position of a run in its data.

    Attributes:
        epoch: counted from 0.
        batch: the number of completed batches of the epoch.
        loss: the sum of their losses.
        metrics: by name, the sums of their numerators and denominators.
        finished: whether training is complete.
    """

    epoch: int = 0
    batch: int = 0
    loss: float = 0.0
    metrics: dict[str, list[float]] = field(default_factory=dict)
    finished: bool = False

    def add(self, loss: float, metrics: dict[str, list[float]]) -> None:
        """Count a batch."""
        self.batch, self.loss = self.batch + 1, self.loss + loss
        self.metrics = {name: [one + more for one, more in zip(self.metrics.get(name, (0, 0)), parts, strict=True)]
                        for name, parts in metrics.items()}

    def means(self) -> dict[str, float]:
        """Return the mean loss of the batches so far, and the metrics."""
        return {"loss": self.loss / self.batch,
                **{name: total / parts for name, (total, parts) in self.metrics.items()}}


def identity_of(words: Sequence[str], tokens: Sequence[TokenizedTexts], *labels: np.ndarray) -> str:
    """Return a digest of a vocabulary, of texts as ids, and of their labels."""
    digest = hashlib.sha256("\n".join(words).encode())
    for texts in tokens:
        for values in texts.pieces():
            digest.update(values.tobytes())
        digest.update(texts.offsets.tobytes())
    for values in labels:
        digest.update(values.tobytes())
    return digest.hexdigest()


class Recovery:
    """Checkpointing of a run, and resumption from the newest checkpoint.

    A checkpoint contains the variables of model, optimiser and average, with the random state of dropout; the position
    in the data, whose order depends only on seed and epoch; and the state of the callbacks: the history, the best
    weights, and the epochs without improvement.

    Args:
        checkpoints: of the run.
        steps: the number of steps between two checkpoints, or None.
        minutes: the time between two checkpoints.
        writes: whether this process writes checkpoints; with several workers, one does.
        identity: digest of the data; checkpoints of other data are refused.
    """

    def __init__(self, checkpoints: Checkpoints, *, steps: int | None, minutes: float, identity: str,
                 writes: bool = True) -> None:
        self.checkpoints = checkpoints
        self.steps = steps
        self.minutes = minutes
        self.identity = identity
        self.writes = writes
        self._found = checkpoints.latest()
        if self._found is None:
            return
        if set(self._found.state["place"]) != set(dataclasses.asdict(Place())):
            raise UserError(f"the checkpoints in {checkpoints.folder} were made by another version of sentiment: "
                            "resume with that one, or remove the folder to start again")
        if self._found.state["identity"] != identity:
            raise UserError(f"the texts are not those that the checkpoints in {checkpoints.folder} were made with: "
                            "bring those back, or remove the folder to start again")

    @property
    def resumes(self) -> bool:
        """Whether there is a checkpoint to resume from."""
        return self._found is not None

    def start(self, variables: Sequence[Any], callbacks: Sequence[keras.callbacks.Callback], steps_per_epoch: int
              ) -> Place:
        """Register the state to save; restore it from the checkpoint, if there is one. Return the position."""
        self._variables = list(variables)
        self._callbacks: dict[str, keras.callbacks.Callback] = {}
        for callback in callbacks:
            self._callbacks.setdefault(type(callback).__name__, callback)  # the trainer's come before the user's
        self._steps_per_epoch = steps_per_epoch
        self._saved, self._saved_at = Place(), time.monotonic()
        if self._found is None:
            return Place()
        arrays, state = self._found
        self._found = None  # its arrays need not stay in memory
        for number, variable in enumerate(variables):
            variable.assign(arrays[f"{VARIABLE}/{number}"])
        best = [arrays[f"{BEST}/{number}"] for number in range(sum(name.startswith(BEST) for name in arrays))]
        for name, callback in self._callbacks.items():
            restore_callback(callback, state["callbacks"].get(name, {}), best)
        place = Place(**state["place"])
        log(f"resuming after step {self.step(place):,}, batch {place.batch:,} of {steps_per_epoch:,} in epoch "
            f"{place.epoch + 1}")
        return place

    def step(self, place: Place) -> int:
        """Return the total number of completed steps."""
        return place.epoch * self._steps_per_epoch + place.batch

    def after_step(self, place: Place) -> None:
        """Write a checkpoint if one is due."""
        due = self.steps is not None and self.step(place) % self.steps == 0
        if due or time.monotonic() - self._saved_at >= 60 * self.minutes:
            self.save(place)

    def save(self, place: Place) -> None:
        """Write a checkpoint, unless one exists for this position or a weight is not finite."""
        if not self.writes or place == self._saved:
            return
        arrays = {f"{VARIABLE}/{number}": variable.numpy() for number, variable in enumerate(self._variables)}
        if not all(np.isfinite(array).all() for array in arrays.values()):
            return
        states = {}
        for name, callback in self._callbacks.items():
            states[name], weights = state_of_callback(callback)
            arrays |= {f"{BEST}/{number}": array for number, array in enumerate(weights)}
        self.checkpoints.save(self.step(place), Checkpoint(arrays, {
            "identity": self.identity, "place": dataclasses.asdict(place), "callbacks": states}))
        self._saved, self._saved_at = dataclasses.replace(place), time.monotonic()
