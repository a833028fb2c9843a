"""Train the model that a configuration describes on a corpus."""

import time
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from sentiment import architectures
from sentiment.config import RunConfig
from sentiment.console import log
from sentiment.datasets import Corpus
from sentiment.preprocessing import Batches, TextPreprocessor, bucket_lengths, word_vectors
from sentiment.training.callbacks import ProgressDisplay, make_callbacks
from sentiment.training.loop import Trainer
from sentiment.training.optimization import make_optimizer
from sentiment.training.strategy import describe, make_strategy, precision


@dataclass(frozen=True)
class Trained:
    """What training yields.

    Attributes:
        model: with the weights of the best epoch.
        preprocessor: fitted on the training texts.
        history: a list by metric, a value an epoch.
        best_epoch: counted from 1.
        validation_logits: float32 [texts, 1 or classes], of the best epoch.
        seconds: of the epochs alone.
        devices: in words.
        diverged: what happened if the loss stopped being finite, else None.
    """

    model: keras.Model
    preprocessor: TextPreprocessor
    history: dict[str, list[float]]
    best_epoch: int
    validation_logits: np.ndarray
    seconds: float
    devices: str
    diverged: str | None


def class_weights(kind: str, labels: np.ndarray, classes: int) -> np.ndarray:
    """Return float32 [classes]: ones, or for `balanced` texts / (classes * texts of the class)."""
    if kind == "none":
        return np.ones(classes, np.float32)
    return np.asarray(compute_class_weight("balanced", classes=np.arange(classes), y=labels), dtype=np.float32)


def train(config: RunConfig, corpus: Corpus, *, history_file: Path, checkpoint: Path, tensorboard: Path) -> Trained:
    """Fit the preprocessor and the model; the paths are where logs and the best weights so far are written."""
    keras.utils.set_random_seed(config.runtime.seed)
    preprocessor = TextPreprocessor.fit(config.text, corpus.train.texts)
    tokens = preprocessor.tokenize(corpus.train.texts)
    boundaries = bucket_lengths(tokens.lengths, config.text.buckets, config.text.max_length)
    batches = Batches(tokens, boundaries, config.training.batch_size)
    validation = Batches(preprocessor.tokenize(corpus.validation.texts), boundaries, config.training.batch_size)

    settings = config.training
    epochs = settings.epochs_for(len(batches))

    strategy = make_strategy(config.runtime.strategy)
    with strategy.scope(), precision(config.runtime.mixed_precision):
        sizes = architectures.Sizes(preprocessor.vocabulary_size, len(corpus.class_names))
        model = architectures.build(config.model, sizes)
        if settings.embedding_start == "svd":
            vectors = word_vectors(tokens, sizes.vocabulary_size, config.model.embedding_size, config.runtime.seed)
            architectures.set_word_vectors(model, vectors)
        optimizer = make_optimizer(settings, steps=epochs * len(batches))
    trainer = Trainer(model, optimizer, strategy, settings.clip_norm)
    log(f"{config.model.architecture}: {model.count_params():,} parameters, {len(tokens):,} training texts, "
        f"{preprocessor.vocabulary_size:,} words, up to {epochs} epochs on {describe(strategy)}")

    logs = tensorboard if config.runtime.tensorboard else None
    callbacks = make_callbacks(settings, epochs, history_file, checkpoint, logs)
    display = ProgressDisplay()
    started = time.perf_counter()
    try:
        history = trainer.fit(
            batches, corpus.train.labels,
            class_weights(settings.class_weights, corpus.train.labels, len(corpus.class_names)),
            validation, corpus.validation.labels, epochs=epochs, seed=config.runtime.seed,
            callbacks=[*callbacks, display])
    finally:
        display.close()
    seconds = time.perf_counter() - started
    best = callbacks[0].best_epoch + 1
    return Trained(model, preprocessor, history, best, trainer.predict(validation), seconds, describe(strategy),
                   trainer.diverged)
