"""Training objective: cross-entropy with additional losses and penalties."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sentiment.architectures.blocks import EMBEDDED
from sentiment.config import TrainingConfig
from sentiment.losses import cross_entropy, distillation, divergence, entropy, unit_norm
from sentiment.training.noise import Noise

LABELLED, UNLABELLED = 0, 1  # streams of noise


class Objective:
    """Loss of a labelled batch and, optionally, an unlabelled one.

        loss = CE + a AT + v VAT + h H + l2 sum(kernel^2) + losses of layers

    With a teacher, CE is replaced by (1 - w) CE + w times the distillation loss, which unlabelled texts have as well.

    With e the embedded words of a text, s the root mean square of their values and N(v) = s v / |v|: AT = CE(e +
    epsilon N(grad_e CE)); VAT = KL(p(e) || p(e + epsilon N(g))), where g is the gradient of KL(p(e) || p(e + xi N(d)))
    with respect to a random d (one power iteration); H is the entropy of the predictions. The papers define the scale
    of perturbations by normalising the embedding to a variance of 1 instead. CE and AT are means over the labelled
    texts, weighted by class; VAT and H are means over labelled and unlabelled texts, with equal weights of the two
    batches. This is the mixed objective of Sachan, Zaheer & Salakhutdinov 2019 with all weights 1; AT and VAT are those
    of Miyato, Dai & Goodfellow 2017. Each pass draws its own dropout after the embedded words.

    Args:
        model: with a layer `embedded` (`sentiment.layers.EmbeddedWords`).
        config: weights and norms.
        class_weights: float32 [classes].
    """

    def __init__(self, model: keras.Model, config: TrainingConfig, class_weights: np.ndarray) -> None:
        self.model = model
        self.config = config
        self.class_weights = class_weights
        self.kernels = [weight for weight in model.trainable_variables if "kernel" in weight.name]

    def __call__(self, labelled: tuple[Any, ...], unlabelled: tuple[Any, ...] | None, noise: Noise
                 ) -> tuple[Any, Any]:
        """Return this replica's part of the loss, and the logits of its labelled texts.

        Terms that are equal on all replicas are divided by the number of replicas.

        Args:
            labelled: int32 [batch, time] ids, int32 [batch] labels and float32 [batch] shares: 1 / texts of the
                whole batch, and 0 for filling rows; with a teacher its logits, float32 [batch, 1 or classes].
            unlabelled: ids and shares, and the teacher's logits.
            noise: initial direction of the virtual adversarial perturbations.
        """
        ids, labels, shares, *teacher = labelled
        adversarial, virtual, sure = self.config.objective_weights
        weights = shares * tf.gather(self.class_weights, labels)

        def supervised(logits: Any) -> Any:
            loss = tf.reduce_sum(cross_entropy(labels, logits, self.config.label_smoothing) * weights)
            if not teacher:
                return loss
            return (1 - self.config.teacher_weight) * loss + self._distillation(teacher[0], logits, shares)

        with tf.GradientTape() as tape:
            logits, words = self._pass(ids, tape)
            clean = supervised(logits)
        replicas = tf.distribute.get_replica_context().num_replicas_in_sync
        loss = clean + self._penalties() / replicas  # before another pass overwrites the losses of layers
        if adversarial:
            perturbation = self._perturbation(ids, words, tape.gradient(clean, words))
            perturbed = self._changed_pass(ids, words + perturbation)
            loss += adversarial * supervised(perturbed)
        if virtual or sure:
            half = 1.0 if unlabelled is None else 0.5
            loss += half * self._unsupervised(ids, shares, logits, words, partial(noise.normal, stream=LABELLED))
        if unlabelled is not None:
            loss += self._unlabelled_loss(partial(noise.normal, stream=UNLABELLED), *unlabelled)
        return loss, logits

    def _unlabelled_loss(self, draw: Callable[[Any], Any], ids: Any, shares: Any, *teacher: Any) -> Any:
        """Return the loss of an unlabelled batch."""
        logits, words = self._pass(ids)
        loss = 0.5 * self._unsupervised(ids, shares, logits, words, draw)
        return loss + self._distillation(teacher[0], logits, shares) if teacher else loss

    def _distillation(self, teacher: Any, logits: Any, shares: Any) -> Any:
        """Return the weighted distillation loss of a batch."""
        config = self.config
        return config.teacher_weight * tf.reduce_sum(distillation(teacher, logits, config.teacher_temperature) * shares)

    def _unsupervised(self, ids: Any, shares: Any, logits: Any, words: Any, draw: Callable[[Any], Any]) -> Any:
        """Return the weighted virtual adversarial loss and entropy of a batch."""
        _, virtual, sure = self.config.objective_weights
        loss = 0.0
        if sure:
            loss += sure * tf.reduce_sum(entropy(logits) * shares)
        if virtual:
            loss += virtual * tf.reduce_sum(self._divergence(ids, logits, words, draw) * shares)
        return loss

    def _divergence(self, ids: Any, logits: Any, words: Any, draw: Callable[[Any], Any]) -> Any:
        """Return the divergence of each text's prediction under its virtual adversarial perturbation."""
        real = tf.cast(ids != 0, tf.float32)[:, :, None]
        step = self.config.xi * in_scale(ids, words, draw(tf.shape(words)) * real)
        with tf.GradientTape() as tape:
            tape.watch(step)
            trial = self._changed_pass(ids, tf.stop_gradient(words) + tf.cast(step, words.dtype))
            distance = tf.reduce_sum(divergence(logits, trial))
        perturbation = self._perturbation(ids, words, tape.gradient(distance, step))
        return divergence(logits, self._changed_pass(ids, words + perturbation))

    def _perturbation(self, ids: Any, words: Any, gradient: Any) -> Any:
        return tf.cast(tf.stop_gradient(self.config.epsilon * in_scale(ids, words, gradient)), words.dtype)

    def _pass(self, ids: Any, tape: Any = None) -> tuple[Any, Any]:
        """Return the logits and the embedded words, which `tape` watches from then on."""
        seen = []

        def look(words: Any) -> Any:
            if tape is not None:
                tape.watch(words)
            seen.append(words)
            return words

        with self.model.get_layer(EMBEDDED).changed(look):
            logits = self.model(ids, training=True)
        return logits, seen[0]

    def _changed_pass(self, ids: Any, words: Any) -> Any:
        """Return the logits for other embedded words."""
        with self.model.get_layer(EMBEDDED).changed(lambda _: words):
            return self.model(ids, training=True)

    def _penalties(self) -> Any:
        """Return the losses of layers and the L2 penalty."""
        terms = [tf.cast(term, tf.float32) for term in self.model.losses]
        if self.config.l2:
            terms += [self.config.l2 * tf.reduce_sum(tf.square(kernel)) for kernel in self.kernels]
        return tf.add_n(terms) if terms else 0.0


def in_scale(ids: Any, words: Any, direction: Any) -> Any:
    """Return N(direction), float [batch, time, features], in units of the root mean square of a text's words."""
    real = tf.cast(ids != 0, tf.float32)[:, :, None]
    values = tf.stop_gradient(tf.cast(words, tf.float32)) * real
    count = tf.reduce_sum(real, axis=[1, 2], keepdims=True) * float(words.shape[-1])
    scale = tf.sqrt(tf.reduce_sum(tf.square(values), axis=[1, 2], keepdims=True) / tf.maximum(count, 1.0))
    return scale * unit_norm(direction)
