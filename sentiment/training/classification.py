"""Text classification as a task of the training loop."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count, repeat
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sentiment.batching import PADDING_ID, UNKNOWN_ID, Batch, Batches, map_batches
from sentiment.config import TrainingConfig
from sentiment.inference.classifier import compiled
from sentiment.losses import cross_entropy, predicted_classes
from sentiment.signals import StopRequest
from sentiment.training.calibration import GRID, calibrated_loss, score_and_information, summed_losses
from sentiment.training.loop import StepLoss, Task
from sentiment.training.noise import Noise
from sentiment.training.objective import Objective
from sentiment.training.prior import TeacherLogits
from sentiment.training.strategy import Workers


class ClassificationTask(Task):
    """Text classification task, with the loss of `Objective`.

    A batch is a pair of a labelled batch, int32 [batch, time] ids, int32 [batch] labels and float32 [batch] shares, and
    an unlabelled one, ids and shares (an empty tuple without unlabelled texts); with a teacher, its logits come last in
    both. A share is the weight of a text divided by the number of real rows, and 0 for filling rows, so that the loss
    of a batch is a plain sum of losses times shares for any distribution of its rows over devices. Weights are factors
    of all losses of a labelled text; the statistics of batch normalisation and the penalty of self-attention are not
    weighted.

    Args:
        model: int32 [batch, time] ids to float32 [batch, 1 or classes] logits.
        config: the options of the objective.
        train: the training texts.
        labels: int32 [texts], of the training texts.
        validation: the validation texts.
        validation_labels: int32 [texts], of the validation texts.
        class_weights: float32 [classes].
        weights: float32 [texts], at least 0 and not all 0, of the training texts; None for weights of 1.
        unlabelled: unlabelled texts; each labelled batch is paired with a batch of them.
        teacher: logits to distil from.
        seed: of the order of the texts.
    """

    def __init__(self, model: keras.Model, config: TrainingConfig, train: Batches, labels: np.ndarray,
                 validation: Batches, validation_labels: np.ndarray, class_weights: np.ndarray, *,
                 weights: np.ndarray | None = None, unlabelled: Batches | None = None,
                 teacher: TeacherLogits | None = None, seed: int = 1) -> None:
        self.network = model
        self.train, self.labels = train, labels
        self.validation, self.validation_labels = validation, validation_labels
        self.weights = np.ones(len(labels), np.float32) if weights is None else np.asarray(weights, np.float32)
        self.unlabelled = unlabelled
        self.teacher = teacher
        self.seed = seed
        self.objective = Objective(model, config, class_weights)
        size = train.batch_size
        ids, shares = tf.TensorSpec([size, None], tf.int32), tf.TensorSpec([size], tf.float32)
        logits = () if teacher is None else (tf.TensorSpec([size, teacher.labelled.shape[1]], tf.float32),)
        self.signature = ((ids, tf.TensorSpec([size], tf.int32), shares, *logits),
                          () if unlabelled is None else (ids, shares, *logits))
        self._infer = compiled(model)

    def __len__(self) -> int:
        return len(self.train)

    def batches(self, epoch: int, first: int) -> Iterator[Any]:
        """Yield pairs of a labelled and an unlabelled batch."""
        labelled, unlabelled = self.teacher or (None, None)
        others = repeat(()) if self.unlabelled is None else endless(
            self.unlabelled, self.seed, epoch * len(self) + first, unlabelled)
        for batch, other in zip(self.train.shuffled(self.seed, epoch, first), others, strict=False):
            shares = _shares(batch) * _of_rows(batch, self.weights)
            yield (batch.ids, _of_rows(batch, self.labels), shares, *_of_teacher(batch, labelled)), other

    def loss(self, batch: Any, carried: Sequence[Any], noise: Noise) -> StepLoss:
        """Return the loss, and the logits of the labelled texts."""
        labelled, unlabelled = batch
        return StepLoss(*self.objective(labelled, unlabelled or None, noise))

    def metrics(self, batch: Any, outputs: Any) -> dict[str, Any]:
        """Return the accuracy on the labelled texts whose weight is not 0."""
        (_, labels, shares, *_), _ = batch
        right = [(predicted_classes(outputs) == labels) & (shares > 0), shares > 0]
        return {"accuracy": tf.stack([tf.reduce_sum(tf.cast(one, tf.int32)) for one in right])}

    def rows(self, batch: Any) -> Any:
        """Return the ids of all words of a batch, and those of their replacements by dropout."""
        labelled, unlabelled = batch
        ids = [tf.reshape(one, [-1]) for one in [labelled[0], *unlabelled[:1]]]
        return tf.unique(tf.concat([*ids, [PADDING_ID, UNKNOWN_ID]], axis=0))[0]

    def predict(self, batches: Batches, request: StopRequest | None = None) -> np.ndarray:
        """Return the logits of all texts in order, float32 [texts, 1 or classes]; `request` may interrupt it."""

        def infer(ids: np.ndarray) -> Any:
            if request is not None:
                request.obey()
            return self._infer(ids)

        return map_batches(batches.by_length(), len(batches.tokens), infer)

    def validate(self, workers: Workers, request: StopRequest) -> dict[str, float]:
        """Return loss, calibrated loss and accuracy on the validation texts, which are divided among the workers.

        `val_calibrated_loss` is the mean loss after the calibration that is applied to the finished model.
        """
        own: StopRequest | None = request
        validation, labels = self.validation, self.validation_labels
        parts = workers.count if workers.count <= len(labels) else 1  # parts of the texts, one per worker
        if parts > 1:
            share = workers.share(len(labels))
            validation = Batches(validation.tokens.take(share), validation.boundaries, validation.batch_size)
            labels, own = labels[share], None  # a single worker must not stop, because the others would wait
        logits = self.predict(validation, own)
        texts, right, loss, score, information, *losses = workers.mean(
            len(labels), int(np.sum(predicted_classes(logits) == labels)),
            float(np.sum(cross_entropy(labels, logits), dtype=np.float64)), *score_and_information(labels, logits),
            *summed_losses(labels, logits, GRID))
        # The mean over the workers times their number is the sum over all texts.
        calibrated = calibrated_loss([one * parts for one in losses], score * parts, information * parts)
        return {"val_loss": loss / texts, "val_calibrated_loss": calibrated / parts / texts,
                "val_accuracy": right / texts}

    def summary(self, logs: Mapping[str, float]) -> str:
        """Return loss and accuracy in training and validation."""
        return (f"loss {logs['loss']:.4f}  accuracy {logs['accuracy']:.4f}  "
                f"validation loss {logs['val_loss']:.4f}, calibrated {logs['val_calibrated_loss']:.4f}  "
                f"accuracy {logs['val_accuracy']:.4f}")


def endless(batches: Batches, seed: int, first: int = 0, teacher: np.ndarray | None = None
            ) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield (ids, shares) of unlabelled texts without end, from batch number `first` on.

    With `teacher`, logits float32 [texts, 1 or classes], the logits of the rows are the last element.
    """
    begun, left_out = divmod(first, len(batches))
    for epoch in count(begun):
        for batch in batches.shuffled(seed, epoch, left_out if epoch == begun else 0):
            yield batch.ids, _shares(batch), *_of_teacher(batch, teacher)


def _of_teacher(batch: Batch, logits: np.ndarray | None) -> tuple[np.ndarray, ...]:
    return () if logits is None else (_of_rows(batch, logits),)


def _shares(batch: Batch) -> np.ndarray:
    """Return the shares of a batch, float32 [batch]: 1 / real rows, and 0 for filling rows."""
    shares = np.zeros(len(batch.ids), np.float32)
    shares[:len(batch.rows)] = 1 / len(batch.rows)
    return shares


def _of_rows(batch: Batch, values: np.ndarray) -> np.ndarray:
    """Return the values of a batch's texts, [batch, ...], with zeros for filling rows."""
    own = np.zeros((len(batch.ids), *values.shape[1:]), values.dtype)
    own[:len(batch.rows)] = values[batch.rows]
    return own
