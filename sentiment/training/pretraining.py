"""Training on texts without labels: the loop that language model and autoencoder share."""

import math
import signal
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from sentiment.config import TrainingConfig
from sentiment.errors import DivergedError, Interrupted
from sentiment.layers.graph_gradients import releasing
from sentiment.signals import StopRequest, noted_signals
from sentiment.training.callbacks import ProgressDisplay
from sentiment.training.feed import generated
from sentiment.training.gradients import transformed
from sentiment.training.noise import Noise
from sentiment.training.recovery import Place, Recovery


class Task(Protocol):
    """What is learnt from texts without labels.

    Attributes:
        network: whose weights are trained.
        signature: of a batch, a tuple of `tf.TensorSpec`, rows first.
    """

    network: keras.Model
    signature: tuple[Any, ...]

    @property
    def carried(self) -> Sequence[tuple[int, int]]:
        """The shapes [rows, units] of what a step hands to the next one."""

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""

    def batches(self, epoch: int, first: int) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield the batches of an epoch from number `first` on, in an order that depends on the epoch alone."""

    def loss(self, batch: Sequence[Any], carried: Sequence[Any], noise: Noise) -> tuple[Any, Any, list[Any]]:
        """Return the summed loss of one replica's rows, of how many words, and what the next step is handed."""

    def validate(self) -> dict[str, float]:
        """Measure the network on the validation split."""


class Carried:
    """A tensor that steps hand on, rows spread over the replicas; a checkpoint keeps it as if it were a variable."""

    def __init__(self, strategy: Any, shape: tuple[int, int]) -> None:
        self._strategy = strategy
        self.assign(np.zeros(shape, np.float32))

    def numpy(self) -> np.ndarray:
        """Return all rows, float32 [rows, units]."""
        return np.concatenate([part.numpy() for part in self._strategy.experimental_local_results(self.value)])

    def assign(self, rows: np.ndarray) -> None:
        """Spread the rows as a batch is spread."""
        count = self._strategy.num_replicas_in_sync
        if count == 1:
            self.value = tf.constant(rows)
            return
        share = -(-len(rows) // count)
        self.value = self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(rows[share * context.replica_id_in_sync_group:][:share]))


class PretrainingDisplay(ProgressDisplay):
    """The bar, and a line an epoch with all that was measured."""

    def line(self, values: dict[str, Any]) -> str:
        """Return what to say of an epoch."""
        return "  ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in values.items())


class Pretrainer:
    """Trains the network of a task, built within the scope of a strategy.

    Args:
        task: what is learnt.
        optimizer: any Keras optimiser, made within the scope.
        strategy: a `tf.distribute.Strategy` of one process.
        config: how the gradient is clipped.
        seed: of what is drawn in a step.
    """

    def __init__(self, task: Task, optimizer: keras.optimizers.Optimizer, strategy: Any, config: TrainingConfig,
                 seed: int) -> None:
        self.task = task
        self.optimizer = optimizer
        self.strategy = strategy
        self.config = config
        with strategy.scope():
            task.network.compile(optimizer=optimizer)  # for the callbacks, which look for model.optimizer
            optimizer.build(task.network.trainable_variables)
        self.noise = Noise(seed, optimizer.iterations)
        self.carried = [Carried(strategy, shape) for shape in task.carried]

    def _replica_step(self, batch: Any, carried: Any) -> tuple[Any, Any]:
        """Update the weights from one replica's rows; return its part of the mean loss, and what is handed on."""
        variables = self.task.network.trainable_variables
        with tf.GradientTape() as tape:
            total, words, handed = self.task.loss(batch, carried, self.noise)
            words = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, words)
            loss = total / tf.maximum(words, 1.0)
        gradients = [tf.convert_to_tensor(value) for value in tape.gradient(loss, variables)]
        self.optimizer.apply(transformed(gradients, self.config, 1.0, self.noise), variables)
        return loss, handed

    def fit(self, *, epochs: int, callbacks: Sequence[keras.callbacks.Callback], recovery: Recovery
            ) -> dict[str, list[float]]:
        """Train, from the newest checkpoint on, and return the history by metric.

        Raises:
            DivergedError: if the loss stops being finite.
            Interrupted: after SIGINT or SIGTERM, and a checkpoint.
        """
        callbacks = [keras.callbacks.History(), *callbacks]
        watchers = keras.callbacks.CallbackList(callbacks, model=self.task.network)
        watchers.set_params({"epochs": epochs, "steps": len(self.task), "verbose": 0})
        watchers.on_train_begin()
        variables = [*self.task.network.variables, *self.optimizer.variables, *self.carried]
        place = recovery.start(variables, callbacks, len(self.task))
        step = self._compiled_step()
        with noted_signals("stopping after this step") as request:
            while place.epoch < epochs:
                watchers.on_epoch_begin(place.epoch)
                for batch in self._distributed(place):
                    self._step(step, batch, place)
                    watchers.on_train_batch_end(place.batch - 1, {"loss": place.loss / place.batch})
                    _keep(place, recovery, request)
                recovery.save(place)
                watchers.on_epoch_end(place.epoch, {"loss": place.loss / len(self.task), **self.task.validate()})
                place = Place(place.epoch + 1)
                recovery.save(place)
        watchers.on_train_end()
        return dict(self.task.network.history.history)

    def _compiled_step(self) -> Any:
        def step(batch: Any, carried: Any) -> tuple[Any, Any]:
            losses, handed = self.strategy.run(self._replica_step, args=(batch, carried))
            return self.strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None), handed

        return tf.function(releasing(step), reduce_retracing=True)

    def _step(self, step: Any, batch: Any, place: Place) -> None:
        """Make a step, and note it."""
        loss_tensor, handed = step(batch, [one.value for one in self.carried])
        for one, value in zip(self.carried, handed, strict=True):
            one.value = value
        loss = float(loss_tensor)
        if not math.isfinite(loss):
            raise DivergedError(f"the loss became {loss} at batch {place.batch + 1} of epoch {place.epoch + 1}: lower "
                                "--learning-rate or --clip-norm")
        place.loss, place.batch = place.loss + loss, place.batch + 1

    def _distributed(self, place: Place) -> Any:
        """Return the batches of an epoch that are left."""
        dataset = generated(lambda: self.task.batches(place.epoch, place.batch), self.task.signature)
        return self.strategy.experimental_distribute_dataset(dataset)


def _keep(place: Place, recovery: Recovery, request: StopRequest) -> None:
    """Save a checkpoint if it is time to, and stop if asked to."""
    if request.signal is not None:
        recovery.save(place)
        raise Interrupted(request.signal or signal.SIGTERM)
    recovery.after_step(place)
