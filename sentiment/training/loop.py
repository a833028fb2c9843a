"""The training loop: one compiled step under any `tf.distribute` strategy, Keras callbacks around it.

Keras's own `fit` cannot train on several workers (keras issue 20585), so the loop is ours; it knows no
architecture and no data set.
"""

import math
import signal
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sentiment.batching import PADDING_ID, UNKNOWN_ID, Batches, map_batches
from sentiment.config import TrainingConfig
from sentiment.errors import DivergedError, Interrupted, UserError
from sentiment.layers.graph_gradients import releasing
from sentiment.losses import cross_entropy, predicted_classes
from sentiment.signals import StopRequest, noted_signals
from sentiment.training.averaging import WeightAverage
from sentiment.training.calibration import GRID, calibrated_loss, score_and_information, summed_losses
from sentiment.training.feed import endless, training_dataset
from sentiment.training.gradients import transformed
from sentiment.training.noise import Noise
from sentiment.training.objective import Objective
from sentiment.training.prior import TeacherLogits
from sentiment.training.recovery import Place, Recovery
from sentiment.training.row_adam import with_unique_rows
from sentiment.training.strategy import Workers


class Trainer:
    """Trains a model that was built within the scope of a strategy.

    Args:
        model: ids int32 [batch, time] to logits.
        optimizer: any Keras optimiser.
        strategy: a `tf.distribute.Strategy`; the batch size is over all its replicas.
        config: the objective, what is done to the gradient, and the average of the weights.
        class_weights: float32 [classes].
        table: the variable whose rows the ids look up, where the optimiser is a `RowAdam`.
        seed: of noise, and of the order of the data.
    """

    def __init__(self, model: keras.Model, optimizer: keras.optimizers.Optimizer, strategy: Any,
                 config: TrainingConfig, class_weights: np.ndarray, table: keras.Variable | None = None,
                 seed: int = 1) -> None:
        self.model = model
        self.table = table
        self.strategy = strategy
        self.config = config
        self.seed = seed
        self.workers = Workers(strategy)
        with strategy.scope():
            model.compile(optimizer=optimizer)  # for the callbacks, which look for model.optimizer
            self.optimizer = model.optimizer  # under float16 this one scales the loss
            self.optimizer.build(model.trainable_variables)
            if table is not None:
                self.optimizer.watch(table)
            self.average = WeightAverage(model.trainable_variables, config.ema) if config.ema else None
        self.noise = Noise(seed, self.optimizer.iterations)
        self.objective = Objective(model, config, class_weights, strategy.num_replicas_in_sync, self.noise)
        self.diverged: str | None = None
        self._compiled_step: Any = None
        self._infer = tf.function(partial(model, training=False),
                                  input_signature=[tf.TensorSpec([None, None], tf.int32)])

    def _replica_step(self, labelled: Any, unlabelled: Any) -> tuple[Any, Any]:
        """Update the weights from one replica's rows; return its share of the loss and its right answers."""
        variables = self.model.trainable_variables
        if self.table is not None:
            self._catch_up([labelled[0], *unlabelled[:1]])
        with tf.GradientTape() as tape:
            loss, logits = self.objective(labelled, unlabelled or None)
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        gradients = [with_unique_rows(value) if variable is self.table else tf.convert_to_tensor(value)
                     for value, variable in zip(gradients, variables, strict=True)]
        scale = self.optimizer.scale_loss(tf.constant(1.0))
        self.optimizer.apply(transformed(gradients, self.config, scale, self.noise), variables)
        _, labels, shares, *_ = labelled
        right = tf.reduce_sum(tf.cast((predicted_classes(logits) == labels) & (shares > 0), tf.int32))
        return loss, right

    def _catch_up(self, batches: list[Any]) -> None:
        """Bring the rows of the table up to date that the ids of these batches may look up."""
        ids = tf.concat([tf.reshape(ids, [-1]) for ids in batches] + [[PADDING_ID, UNKNOWN_ID]], axis=0)
        self.optimizer.catch_up(tf.unique(ids)[0])

    def _step(self, signature: Any) -> Any:
        """Return the compiled step for the element type of a distributed data set; traced once."""
        if self._compiled_step is None:

            def step(batch: Any) -> tuple[Any, Any]:
                losses, right = self.strategy.run(self._replica_step, args=batch)
                if self.average is not None:
                    self.average.update()
                total = tf.distribute.ReduceOp.SUM
                return self.strategy.reduce(total, losses, axis=None), self.strategy.reduce(total, right, axis=None)

            self._compiled_step = tf.function(partial(releasing(step)), input_signature=[signature])
        return self._compiled_step

    def predict(self, batches: Batches, request: StopRequest | None = None) -> np.ndarray:
        """Return float32 [texts, 1 or classes]: the logits of all texts in their order; `request` may interrupt it."""

        def infer(ids: np.ndarray) -> Any:
            if request is not None:
                request.obey()
            return self._infer(ids)

        return map_batches(batches.by_length(), len(batches.tokens), infer)

    def fit(self, train: Batches, labels: np.ndarray, validation: Batches, validation_labels: np.ndarray, *,
            epochs: int, callbacks: list[keras.callbacks.Callback], unlabelled: Batches | None = None,
            recovery: Recovery | None = None, teacher: TeacherLogits | None = None) -> dict[str, list[float]]:
        """Train for at most `epochs` epochs and return the history by metric.

        Where the weights are averaged, the average is what is validated, what callbacks see at the end of an
        epoch, and what the model has at the end. With `recovery`, training goes on from its newest checkpoint, and
        SIGINT and SIGTERM end it after the step at work and a last checkpoint. Several workers agree on when to stop
        and on how good an epoch was.

        Raises:
            UserError: if workers would start from different checkpoints.
            DivergedError: if the loss stops being finite before the first epoch is complete; later, training
                stops and the callbacks restore the best weights.
            Interrupted: after one of those signals.
        """
        callbacks = [keras.callbacks.History(), *callbacks]
        watchers = keras.callbacks.CallbackList(callbacks, model=self.model)
        watchers.set_params({"epochs": epochs, "steps": len(train), "verbose": 0})
        self.model.stop_training = False
        watchers.on_train_begin()
        place = recovery.start(self.variables, callbacks, len(train)) if recovery else Place()
        self._check_agreement(place)
        taught, taught_others = teacher or (None, None)
        others = None if unlabelled is None else endless(unlabelled, self.seed, place.epoch * len(train) + place.batch,
                                                         taught_others)
        with noted_signals("stopping after this step") if recovery else nullcontext(StopRequest()) as request:
            while place.epoch < epochs and not place.finished:
                watchers.on_epoch_begin(place.epoch)
                dataset = training_dataset(train, labels, self.seed, place.epoch, others, place.batch, taught)
                for _ in self._train_epoch(dataset, place, watchers):
                    self._keep(place, recovery, request)
                if self.diverged:
                    break
                if recovery:
                    recovery.save(place)
                self._end_epoch(train, validation, validation_labels, place, watchers, request)
                place = Place(place.epoch + 1, finished=self.model.stop_training)
                if recovery:
                    recovery.save(place)
        if self.average is not None:
            self.average.keep()
        watchers.on_train_end()
        return dict(self.model.history.history)

    @property
    def variables(self) -> list[Any]:
        """All that training changes: of the model, its random numbers included, the optimiser and the average."""
        average = self.average.state if self.average is not None else []
        return [*self.model.variables, *self.optimizer.variables, *average]

    def _keep(self, place: Place, recovery: Recovery | None, request: StopRequest) -> None:
        """Save a checkpoint if it is time to, and stop if asked to."""
        if recovery is None:
            return
        if self.workers.mean(request.signal is not None)[0] > 0:
            recovery.save(place)
            raise Interrupted(request.signal or signal.SIGTERM)
        recovery.after_step(place)

    def _check_agreement(self, place: Place) -> None:
        own = [float(place.epoch), float(place.batch)]
        if self.workers.mean(*own) != own:
            raise UserError("the workers found different checkpoints: --output-dir must be the same folder for all, "
                            "on a disk that they share")

    def _train_epoch(self, dataset: Any, place: Place, watchers: keras.callbacks.CallbackList) -> Iterator[None]:
        """Train on the rest of an epoch, moving `place` on; yield after each step, and end where the loss does."""
        distributed = self.strategy.experimental_distribute_dataset(dataset)
        step = self._step(distributed.element_spec)
        for batch in distributed:
            watchers.on_train_batch_begin(place.batch)
            loss_tensor, right_tensor = step(batch)
            loss = float(loss_tensor)
            if not math.isfinite(loss):
                self._diverge(loss, place)
                return
            place.loss, place.right, place.batch = place.loss + loss, place.right + int(right_tensor), place.batch + 1
            watchers.on_train_batch_end(place.batch - 1, {"loss": place.loss / place.batch})
            yield

    def _end_epoch(self, train: Batches, validation: Batches, labels: np.ndarray, place: Place,
                   watchers: keras.callbacks.CallbackList, request: StopRequest) -> None:
        """Validate, and tell the callbacks."""
        logs = {"loss": place.loss / len(train), "accuracy": place.right / len(train.tokens)}
        if self.table is not None:
            self.optimizer.catch_up_all()
        with self.average.in_place() if self.average is not None else nullcontext():
            logs.update(self._validate(validation, labels, request))
            logs["learning_rate"] = float(keras.ops.convert_to_numpy(self.optimizer.learning_rate))
            watchers.on_epoch_end(place.epoch, logs)

    def _validate(self, validation: Batches, labels: np.ndarray, request: StopRequest) -> dict[str, float]:
        """Return what is logged of the validation texts, the same on all workers, each of which predicts its share.

        `val_calibrated_loss` is the mean loss after calibration, which every model gets in the end.
        """
        own: StopRequest | None = request
        parts = self.workers.count if self.workers.count <= len(labels) else 1  # of the texts, one for each worker
        if parts > 1:
            share = self.workers.share(len(labels))
            validation = Batches(validation.tokens.take(share), validation.boundaries, validation.batch_size)
            labels, own = labels[share], None  # one must not stop, the others would wait
        logits = self.predict(validation, own)
        texts, right, loss, score, information, *losses = self.workers.mean(
            len(labels), int(np.sum(predicted_classes(logits) == labels)),
            float(np.sum(cross_entropy(labels, logits), dtype=np.float64)), *score_and_information(labels, logits),
            *summed_losses(labels, logits, GRID))
        # The mean over the workers of parts of the texts, times their number, is a sum over all texts.
        calibrated = calibrated_loss([one * parts for one in losses], score * parts, information * parts)
        return {"val_loss": loss / texts, "val_calibrated_loss": calibrated / parts / texts,
                "val_accuracy": right / texts}

    def _diverge(self, loss: float, place: Place) -> None:
        """Note that the loss is not finite any more, or raise `DivergedError` if there is no epoch to fall back on."""
        what = f"the loss became {loss} at batch {place.batch + 1} of epoch {place.epoch + 1}"
        if place.epoch == 0:
            raise DivergedError(f"{what}: lower --learning-rate or --clip-norm")
        self.diverged = what
