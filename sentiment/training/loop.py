"""The training loop: one compiled step under any `tf.distribute` strategy, Keras callbacks around it.

Keras's own `fit` cannot train on several workers (keras issue 20585), so the loop is ours; it knows no
architecture and no data set.
"""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sentiment.errors import UserError
from sentiment.objectives import cross_entropy, predicted_classes
from sentiment.preprocessing import Batches, map_batches, training_dataset


class Trainer:
    """Trains a model that was built within the scope of a strategy.

    Args:
        model: ids int32 [batch, time] to logits.
        optimizer: any Keras optimiser.
        strategy: a `tf.distribute.Strategy`; the batch size is over all its replicas.
        clip_norm: the largest norm of the whole gradient, taken after it is summed over the replicas;
            0 for no limit.
    """

    def __init__(self, model: keras.Model, optimizer: keras.optimizers.Optimizer, strategy: Any,
                 clip_norm: float = 0.0) -> None:
        self.model = model
        self.strategy = strategy
        self.clip_norm = clip_norm
        with strategy.scope():
            model.compile(optimizer=optimizer)  # for the callbacks, which look for model.optimizer
            self.optimizer = model.optimizer  # under float16 this one scales the loss
            self.optimizer.build(model.trainable_variables)
        self.diverged: str | None = None
        self._compiled_step: Any = None
        self._infer = tf.function(lambda ids: model(ids, training=False),
                                  input_signature=[tf.TensorSpec([None, None], tf.int32)])

    def _replica_step(self, ids: Any, labels: Any, weights: Any) -> tuple[Any, Any]:
        """Update the weights from one replica's rows; return its share of the loss and its right answers."""
        replicas = self.strategy.num_replicas_in_sync
        with tf.GradientTape() as tape:
            logits = self.model(ids, training=True)
            loss = tf.reduce_sum(cross_entropy(labels, logits) * weights)
            total = loss + tf.add_n([0.0, *(tf.cast(term, tf.float32) for term in self.model.losses)]) / replicas
            scaled = self.optimizer.scale_loss(total)
        variables = self.model.trainable_variables
        gradients = [tf.convert_to_tensor(value) for value in tape.gradient(scaled, variables)]
        if self.clip_norm:
            gradients = self._clipped(gradients)
        self.optimizer.apply(gradients, variables)
        right = tf.reduce_sum(tf.cast((predicted_classes(logits) == labels) & (weights > 0), tf.int32))
        return total, right

    def _clipped(self, gradients: list[Any]) -> list[Any]:
        """Scale the gradients so that the norm of their sum over replicas is at most `clip_norm`."""
        context = tf.distribute.get_replica_context()
        replicas = self.strategy.num_replicas_in_sync
        summed = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients) if replicas > 1 else gradients
        scale = self.optimizer.scale_loss(tf.constant(1.0))  # the norm is of the unscaled gradient
        norm = tf.linalg.global_norm(summed) / scale
        # A norm that is not finite must not become a factor: the scaler of float16 drops such a step.
        factor = tf.where(tf.math.is_finite(norm), self.clip_norm / tf.maximum(norm, self.clip_norm), 1.0)
        return [gradient * factor for gradient in gradients]

    def _step(self, signature: Any) -> Any:
        """Return the compiled step for the element type of a distributed data set; traced once."""
        if self._compiled_step is None:

            def step(batch: Any) -> tuple[Any, Any]:
                losses, right = self.strategy.run(self._replica_step, args=batch)
                total = tf.distribute.ReduceOp.SUM
                return self.strategy.reduce(total, losses, axis=None), self.strategy.reduce(total, right, axis=None)

            self._compiled_step = tf.function(step, input_signature=[signature])
        return self._compiled_step

    def predict(self, batches: Batches) -> np.ndarray:
        """Return float32 [texts, 1 or classes]: the logits of all texts in their order."""
        return map_batches(batches.by_length(), len(batches.tokens), self._infer)

    def fit(self, train: Batches, labels: np.ndarray, class_weights: np.ndarray, validation: Batches,
            validation_labels: np.ndarray, *, epochs: int, seed: int, callbacks: list[keras.callbacks.Callback]
            ) -> dict[str, list[float]]:
        """Train for at most `epochs` epochs and return the history by metric.

        Raises:
            UserError: if the loss stops being finite before the first epoch is complete; later, training
                stops and the callbacks restore the best weights.
        """
        watchers = keras.callbacks.CallbackList(callbacks, add_history=True, model=self.model)
        watchers.set_params({"epochs": epochs, "steps": len(train), "verbose": 0})
        self.model.stop_training = False
        watchers.on_train_begin()
        for epoch in range(epochs):
            watchers.on_epoch_begin(epoch)
            logs = self._train_epoch(train, labels, class_weights, seed, epoch, watchers)
            if math.isfinite(logs["loss"]):
                logits = self.predict(validation)
                logs["val_loss"] = float(np.mean(cross_entropy(validation_labels, logits)))
                logs["val_accuracy"] = float(np.mean(predicted_classes(logits) == validation_labels))
                logs["learning_rate"] = float(keras.ops.convert_to_numpy(self.optimizer.learning_rate))
                watchers.on_epoch_end(epoch, logs)
            elif epoch == 0:
                raise UserError(f"the loss became {logs['loss']} at step {logs['step']} of the first epoch: lower "
                                "--learning-rate or --clip-norm")
            else:
                self.diverged = f"the loss became {logs['loss']} at step {logs['step']} of epoch {epoch + 1}"
                break
            if self.model.stop_training:
                break
        watchers.on_train_end()
        return dict(self.model.history.history)

    def _train_epoch(self, train: Batches, labels: np.ndarray, class_weights: np.ndarray, seed: int, epoch: int,
                     watchers: keras.callbacks.CallbackList) -> dict[str, float]:
        """Run one epoch; return the mean loss and accuracy, or at once the loss that is not finite."""
        dataset = training_dataset(train, labels, class_weights, seed, epoch)
        distributed = self.strategy.experimental_distribute_dataset(dataset)
        step = self._step(distributed.element_spec)
        losses, right = 0.0, 0
        for number, batch in enumerate(distributed):
            watchers.on_train_batch_begin(number)
            loss_tensor, right_tensor = step(batch)
            loss = float(loss_tensor)
            if not math.isfinite(loss):
                return {"loss": loss, "step": number + 1}
            losses, right = losses + loss, right + int(right_tensor)
            watchers.on_train_batch_end(number, {"loss": losses / (number + 1)})
        return {"loss": losses / len(train), "accuracy": right / len(train.tokens)}
