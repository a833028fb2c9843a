"""Train a sequence autoencoder on texts without labels, to start a classifier from it."""

import math
import time
from typing import Any

import keras
import tensorflow as tf

from sentiment import architectures
from sentiment.architectures import Sizes
from sentiment.architectures.autoencoder import build_autoencoder, copy_encoder, word_table
from sentiment.batching import Batches
from sentiment.config import ModelConfig, TrainingConfig
from sentiment.console import log, progress_bar
from sentiment.errors import UserError
from sentiment.objectives.sampled_softmax import sample_ids, sampled_softmax
from sentiment.training.feed import endless
from sentiment.training.gradients import transformed
from sentiment.training.noise import Noise
from sentiment.training.optimization import make_optimizer

SAMPLED_WORDS = 1024


class AutoencoderTrainer:
    """Minimises the sampled softmax of each word of a text, given its encoding and the words before it.

    Args:
        model: as `sentiment.architectures.autoencoder.build_autoencoder` makes it, within the strategy's scope.
        optimizer: any Keras optimiser, made within the scope as well.
        strategy: a `tf.distribute.Strategy`.
        config: how the gradient is clipped.
        seed: of the sampled words.
    """

    def __init__(self, model: keras.Model, optimizer: Any, strategy: Any, config: TrainingConfig, seed: int) -> None:
        self.model = model
        self.optimizer = optimizer
        self.strategy = strategy
        self.config = config
        with strategy.scope():
            self.seed = keras.random.SeedGenerator(seed)
            optimizer.build(model.trainable_variables)
        self.noise = Noise(seed, optimizer.iterations)

    def _replica_step(self, ids: Any, shares: Any) -> Any:
        """Update the weights from one replica's rows; return its part of the mean loss of a word."""
        variables = self.model.trainable_variables
        weights = tf.cast(ids != 0, tf.float32) * shares[:, None]
        words = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tf.reduce_sum(weights))
        with tf.GradientTape() as tape:
            written = self.model(ids, training=True)  # [batch, time, embedding]
            table = tf.convert_to_tensor(word_table(self.model))
            sampled = sample_ids(SAMPLED_WORDS, table.shape[0], self.seed)
            real = tf.where(ids != 0)
            losses = sampled_softmax(tf.gather_nd(ids, real), tf.gather_nd(written, real), table, sampled)
            loss = tf.reduce_sum(losses * tf.gather_nd(weights, real)) / words
        gradients = [tf.convert_to_tensor(value) for value in tape.gradient(loss, variables)]
        self.optimizer.apply(transformed(gradients, self.config, 1.0, self.noise), variables)
        return loss

    def fit(self, batches: Batches, *, epochs: int, seed: int) -> list[float]:
        """Train and return the mean loss of each epoch, in nats a word."""
        source, size = endless(batches, seed), batches.batch_size
        signature = (tf.TensorSpec([size, None], tf.int32), tf.TensorSpec([size], tf.float32))
        dataset = tf.data.Dataset.from_generator(lambda: source, output_signature=signature).prefetch(2)
        distributed = self.strategy.experimental_distribute_dataset(dataset)

        @tf.function(input_signature=[distributed.element_spec])
        def step(batch: Any) -> Any:
            return self.strategy.reduce(tf.distribute.ReduceOp.SUM, self.strategy.run(self._replica_step, batch), None)

        history, following = [], iter(distributed)
        with progress_bar("autoencoder", epochs * len(batches)) as advance:
            for epoch in range(epochs):
                started, total = time.perf_counter(), 0.0
                for number in range(len(batches)):
                    loss = float(step(next(following)))
                    if not math.isfinite(loss):
                        raise UserError(f"the autoencoder's loss became {loss} at step {number + 1} of epoch "
                                        f"{epoch + 1}: lower --learning-rate or --clip-norm")
                    total += loss
                    advance(f"autoencoder {epoch + 1}/{epochs}  loss {total / (number + 1):.4f}")
                history.append(total / len(batches))
                log(f"autoencoder {epoch + 1}/{epochs}  sampled loss {history[-1]:.4f}  "
                    f"{time.perf_counter() - started:.0f} s")
        return history


def start_from_autoencoder(classifier: keras.Model, config: ModelConfig, training: TrainingConfig, sizes: Sizes,
                           batches: Batches, strategy: Any, seed: int) -> list[float]:
    """Train an autoencoder that starts with the classifier's embedding, and give its encoder to the classifier.

    Returns:
        The autoencoder's mean loss of each epoch.
    """
    with strategy.scope():
        autoencoder = build_autoencoder(config, sizes)
        architectures.set_word_vectors(autoencoder, architectures.word_vectors_of(classifier))
        optimizer = make_optimizer(training, steps=training.pretraining_epochs * len(batches))
    trainer = AutoencoderTrainer(autoencoder, optimizer, strategy, training, seed)
    history = trainer.fit(batches, epochs=training.pretraining_epochs, seed=seed)
    copy_encoder(autoencoder, classifier)
    return history
