"""Training loop: one compiled step under any `tf.distribute` strategy, with Keras callbacks.

Keras's own `fit` cannot train on several workers (keras issue 20585). Architecture and data set belong to the task.
"""

import math
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

import keras
import numpy as np
import tensorflow as tf

from sentiment.config import TrainingConfig
from sentiment.errors import DivergedError, Interrupted, UserError
from sentiment.layers.tensorflow.graph_gradients import releasing
from sentiment.signals import StopRequest, noted_signals
from sentiment.training.averaging import WeightAverage
from sentiment.training.gradients import transformed
from sentiment.training.noise import Noise
from sentiment.training.recovery import Place, Recovery
from sentiment.training.row_adam import with_unique_rows
from sentiment.training.strategy import Workers


class StepLoss(NamedTuple):
    """Loss of one replica's rows of a batch.

    Attributes:
        loss: float32 scalar; the sum over the replicas is the loss of the batch.
        outputs: of the network, for the metrics of the task.
        carried: float32 [rows, features] each, the tensors carried to the next step.
    """

    loss: Any
    outputs: Any = None
    carried: Sequence[Any] = ()


class Task(ABC):
    """Learning task: a network, its batches, its loss and its validation.

    Attributes:
        network: the trained model, built within the scope of the strategy.
        signature: `tf.TensorSpec`s of a batch, in the structure of `batches`, rows first.
        carried: the shapes [rows, features] of the tensors carried from step to step, initially zeros.
    """

    network: keras.Model
    signature: Any
    carried: Sequence[tuple[int, int]] = ()

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of batches in an epoch."""

    @abstractmethod
    def batches(self, epoch: int, first: int) -> Iterator[Any]:
        """Yield the batches of an epoch from number `first` on, in an order that only depends on the epoch."""

    @abstractmethod
    def loss(self, batch: Any, carried: Sequence[Any], noise: Noise) -> StepLoss:
        """Return the loss of one replica's rows in training mode; traced within a replica."""

    @abstractmethod
    def validate(self, workers: Workers, request: StopRequest) -> dict[str, float]:
        """Return validation metrics, the same on all workers; `request` may interrupt it."""

    def metrics(self, batch: Any, outputs: Any) -> dict[str, Any]:
        """Return training metrics of one replica's rows, by name int32 [2]: a numerator and a denominator.

        Both are summed over the replicas and the batches of an epoch.
        """
        return {}

    def rows(self, batch: Any) -> Any:
        """Return the unique ids, int32 [rows], of the embedding that a step reads, for `RowAdam`."""
        raise NotImplementedError(f"{type(self).__name__} does not support RowAdam: it does not define rows")

    def summary(self, logs: Mapping[str, float]) -> str:
        """Return a one-line summary of the metrics of an epoch."""
        return "  ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in logs.items()
                         if name != "learning_rate")


SomeTask = TypeVar("SomeTask", bound=Task)


class Trainer(Generic[SomeTask]):
    """Training loop of the network of a task.

    Args:
        task: the learning task.
        optimizer: any Keras optimiser, created within the scope of the strategy.
        strategy: a `tf.distribute.Strategy`; a batch is spread over all its replicas.
        config: the options of gradient transformations and of the average of the weights.
        seed: of the noise in a step.
        table: the embedding, if the optimiser is a `RowAdam`.
    """

    def __init__(self, task: SomeTask, optimizer: keras.optimizers.Optimizer, strategy: Any, config: TrainingConfig,
                 seed: int = 1, table: keras.Variable | None = None) -> None:
        self.task = task
        self.network = task.network
        self.table = table
        self.strategy = strategy
        self.config = config
        self.workers = Workers(strategy)
        with strategy.scope():
            self.network.compile(optimizer=optimizer)  # for callbacks that use model.optimizer
            self.optimizer = self.network.optimizer  # under float16 it scales the loss
            self.optimizer.build(self.network.trainable_variables)
            if table is not None:
                self.optimizer.watch(table)
            self.average = WeightAverage(self.network.trainable_variables, config.ema) if config.ema else None
        self.noise = Noise(seed, self.optimizer.iterations)
        self.carried = [Carried(strategy, shape) for shape in task.carried]
        self.diverged: str | None = None
        self._compiled_step: Any = None

    @property
    def variables(self) -> list[Any]:
        """All state of the training: network, with its random numbers, optimiser, average and carried tensors."""
        average = self.average.state if self.average is not None else []
        return [*self.network.variables, *self.optimizer.variables, *average, *self.carried]

    def fit(self, *, epochs: int, callbacks: Sequence[keras.callbacks.Callback] = (),
            recovery: Recovery | None = None) -> dict[str, list[float]]:
        """Train for at most `epochs` epochs and return the history by metric.

        With an average of the weights, the network has the average in validation, in the callbacks at the end of an
        epoch, and at the end of training. With `recovery`, training resumes from its newest checkpoint, and SIGINT and
        SIGTERM end it after the current step and a last checkpoint. Several workers stop at the same step and have the
        same validation metrics.

        Raises:
            UserError: if workers would start from different checkpoints.
            DivergedError: if the loss becomes infinite or NaN and no callback has the weights of a best epoch; else
                training stops and the callback restores them.
            Interrupted: after one of those signals.
        """
        callbacks = [keras.callbacks.History(), *callbacks]
        watchers = keras.callbacks.CallbackList(callbacks, model=self.network)
        watchers.set_params({"epochs": epochs, "steps": len(self.task), "verbose": 0})
        self.network.stop_training = False
        watchers.on_train_begin()
        place = recovery.start(self.variables, callbacks, len(self.task)) if recovery else Place()
        self._check_agreement(place)
        with noted_signals("stopping after this step") if recovery else nullcontext(StopRequest()) as request:
            while place.epoch < epochs and not place.finished:
                watchers.on_epoch_begin(place.epoch)
                for loss in self._train_epoch(place, watchers):
                    if not math.isfinite(loss):
                        self._diverge(loss, place, callbacks)
                        break
                    self._keep(place, recovery, request)
                if self.diverged:
                    break
                if recovery:
                    recovery.save(place)
                self._end_epoch(place, watchers, request)
                place = Place(place.epoch + 1, finished=self.network.stop_training)
                if recovery:
                    recovery.save(place)
        if self.average is not None:
            self.average.keep()
        watchers.on_train_end()
        return dict(self.network.history.history)

    def _check_agreement(self, place: Place) -> None:
        own = [float(place.epoch), float(place.batch)]
        if self.workers.mean(*own) != own:
            raise UserError("the workers found different checkpoints: --output-dir must be the same folder for all, "
                            "on a disk that they share")

    def _train_epoch(self, place: Place, watchers: keras.callbacks.CallbackList) -> Iterator[float]:
        """Train on the rest of an epoch; yield the loss of each step, and advance `place` if the loss is finite."""
        dataset = dataset_of(partial(self.task.batches, place.epoch, place.batch), self.task.signature)
        distributed = self.strategy.experimental_distribute_dataset(dataset)
        step = self._step(distributed.element_spec)
        for batch in distributed:
            watchers.on_train_batch_begin(place.batch)
            loss_tensor, metrics, carried_on = step(batch, [one.value for one in self.carried])
            loss = float(loss_tensor)
            if math.isfinite(loss):
                place.add(loss, {name: value.numpy().tolist() for name, value in metrics.items()})
                for one, value in zip(self.carried, carried_on, strict=True):
                    one.value = value
                watchers.on_train_batch_end(place.batch - 1, {"loss": place.loss / place.batch})
            yield loss

    def _step(self, signature: Any) -> Any:
        """Return the compiled step for the element type of a distributed data set; traced once."""
        if self._compiled_step is None:

            def step(batch: Any, carried: list[Any]) -> tuple[Any, Any, Any]:
                loss, metrics, carried_on = self.strategy.run(self._replica_step, args=(batch, carried))
                if self.average is not None:
                    self.average.update()
                reduce = partial(self.strategy.reduce, tf.distribute.ReduceOp.SUM, axis=None)
                return reduce(loss), {name: reduce(value) for name, value in metrics.items()}, carried_on

            specs = [tf.type_spec_from_value(one.value) for one in self.carried]
            self._compiled_step = tf.function(partial(releasing(step)), input_signature=[signature, specs])
        return self._compiled_step

    def _replica_step(self, batch: Any, carried: list[Any]) -> tuple[Any, Any, Any]:
        """Update the weights from one replica's rows; return its loss, metrics and carried tensors."""
        variables = self.network.trainable_variables
        if self.table is not None:
            self.optimizer.catch_up(self.task.rows(batch))
        with tf.GradientTape() as tape:
            loss, outputs, carried_on = self.task.loss(batch, carried, self.noise)
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        gradients = [with_unique_rows(value) if variable is self.table else tf.convert_to_tensor(value)
                     for value, variable in zip(gradients, variables, strict=True)]
        scale = self.optimizer.scale_loss(tf.constant(1.0))
        self.optimizer.apply(transformed(gradients, self.config, scale, self.noise), variables)
        return loss, self.task.metrics(batch, outputs), list(carried_on)

    def _diverge(self, loss: float, place: Place, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        """Record that the loss is not finite, or raise `DivergedError` if there is no best epoch to restore."""
        what = f"the loss became {loss} at batch {place.batch + 1} of epoch {place.epoch + 1}"
        if not any(getattr(callback, "best_weights", None) for callback in callbacks):
            raise DivergedError(f"{what}: lower --learning-rate or --clip-norm")
        self.diverged = what

    def _keep(self, place: Place, recovery: Recovery | None, request: StopRequest) -> None:
        """Save a checkpoint if one is due, and stop after a signal."""
        if recovery is None:
            return
        if self.workers.mean(request.signal is not None)[0] > 0:
            recovery.save(place)
            raise Interrupted(request.signal or signal.SIGTERM)
        recovery.after_step(place)

    def _end_epoch(self, place: Place, watchers: keras.callbacks.CallbackList, request: StopRequest) -> None:
        """Validate, and run the callbacks."""
        if self.table is not None:
            self.optimizer.catch_up_all()
        with self.average.in_place() if self.average is not None else nullcontext():
            logs = {**place.means(), **self.task.validate(self.workers, request),
                    "learning_rate": float(keras.ops.convert_to_numpy(self.optimizer.learning_rate))}
            watchers.on_epoch_end(place.epoch, logs)


class Carried:
    """Tensor carried from step to step, its rows split over the replicas; saved in checkpoints as a variable."""

    def __init__(self, strategy: Any, shape: tuple[int, int]) -> None:
        self._strategy = strategy
        self.assign(np.zeros(shape, np.float32))

    def numpy(self) -> np.ndarray:
        """Return all rows, float32 [rows, features]."""
        return np.concatenate([part.numpy() for part in self._strategy.experimental_local_results(self.value)])

    def assign(self, rows: np.ndarray) -> None:
        """Split the rows over the replicas, like a batch."""
        count = self._strategy.num_replicas_in_sync
        if count == 1:
            self.value = tf.constant(rows)
            return
        share = -(-len(rows) // count)
        self.value = self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(rows[share * context.replica_id_in_sync_group:][:share]))


def dataset_of(generate: Callable[[], Iterator[Any]], signature: Any) -> Any:
    """Return a `tf.data.Dataset` of a generator, with two elements prefetched."""
    options = tf.data.Options()
    # The autotuning thread sleeps 10 ms, then 20, 40, ..., and TensorFlow 2.21 may wait for it at the end of an
    # epoch: 54 s became 82 s.
    options.autotune.enabled = False
    return tf.data.Dataset.from_generator(generate, output_signature=signature).prefetch(2).with_options(options)
