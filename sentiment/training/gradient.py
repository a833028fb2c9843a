"""Training of a classifier by gradient descent."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from sklearn.utils.class_weight import compute_class_weight

from sentiment import architectures
from sentiment.config import RunConfig
from sentiment.console import log
from sentiment.data import Corpus, Texts
from sentiment.precision import precision
from sentiment.text import read_vectors, word_vectors
from sentiment.training.callbacks import ProgressDisplay, make_callbacks
from sentiment.training.checkpoints import Checkpoints
from sentiment.training.classification import ClassificationTask
from sentiment.training.fitting import PreparedTexts, Trained
from sentiment.training.layer_rates import set_layer_rates
from sentiment.training.loop import Trainer
from sentiment.training.optimization import make_optimizer
from sentiment.training.prior import NO_PRIOR, Pretrained, Prior
from sentiment.training.recovery import Recovery
from sentiment.training.strategy import Workers, describe

REPEATED_SHARE = 0.05  # share of validation texts; below it, those read in pretraining are duplicates in the corpus


def fit_by_gradient(config: RunConfig, corpus: Corpus, texts: PreparedTexts, strategy: Any, *, history_file: Path,
                    checkpoints: Path, tensorboard: Path, watchers: Sequence[keras.callbacks.Callback],
                    prior: Prior) -> Trained:
    """Train a classifier, resuming from its newest checkpoint if there is one; the arguments are those of `train`."""
    epochs = config.training.epochs_for(len(texts.train))
    recovery = Recovery(Checkpoints(checkpoints), steps=config.runtime.checkpoint_steps,
                        minutes=config.runtime.checkpoint_minutes, identity=texts.identity(corpus),
                        writes=Workers(strategy).is_chief)
    if prior.pretrained is not None:
        warn_of_reading(prior.pretrained, corpus.validation.texts)
    trainer, sizes = prepare_trainer(config, corpus, texts, strategy, prior, resumed=recovery.resumes)
    logs = tensorboard if config.runtime.tensorboard else None
    callbacks = make_callbacks(config.training, epochs, history_file, logs)
    display = ProgressDisplay(trainer.task.summary)
    with closing(display):
        history = trainer.fit(epochs=epochs, callbacks=[*callbacks, *watchers, display], recovery=recovery)
    best = callbacks[0].best_epoch + 1
    logits = trainer.task.predict(texts.validation)
    return Trained(trainer.network, texts.preprocessor, sizes, history, best, logits, display.taken,
                   describe(strategy), trainer.diverged)


def class_weights(kind: str, labels: np.ndarray, classes: int) -> np.ndarray:
    """Return the class weights, float32 [classes]: ones, or for `balanced` texts / (classes * texts of the class)."""
    if kind == "none":
        return np.ones(classes, np.float32)
    return np.asarray(compute_class_weight("balanced", classes=np.arange(classes), y=labels), dtype=np.float32)


def prepare_trainer(config: RunConfig, corpus: Corpus, texts: PreparedTexts, strategy: Any,
                    prior: Prior = NO_PRIOR, *, resumed: bool = False
                    ) -> tuple[Trainer[ClassificationTask], architectures.Sizes]:
    """Build the model and its trainer; initialise the weights unless a checkpoint will be restored."""
    settings, pretrained = config.training, prior.pretrained
    epochs = settings.epochs_for(len(texts.train))
    with strategy.scope(), precision(config.runtime.mixed_precision):
        sizes = architectures.Sizes(texts.preprocessor.vocabulary_size, len(corpus.class_names),
                                    texts.preprocessor.sentence_ends)
        model = architectures.find(config.model).build(config.model, sizes)
        if pretrained is None and not resumed:
            start_embedding(model, config, texts)
        started = pretrained.start(model, config.model, corpus.class_names) if pretrained is not None else []
        model.get_layer(architectures.EMBEDDING).trainable = not settings.freeze_embedding
        by_rows = can_update_rows(config, strategy)
        optimizer = make_optimizer(settings, steps=epochs * len(texts.train), by_rows=by_rows,
                                   layered=settings.layered)
        if settings.layered:
            set_layer_rates(optimizer, model, started, settings.layer_decay, settings.unfreeze * len(texts.train))
    patience = settings.patience_for(epochs)
    stops = f"; stops early after {patience} epochs without improvement" if patience < epochs - 1 else ""
    log(texts.summary)
    log(f"{config.model.architecture}: {model.count_params():,} parameters, {len(corpus.train):,} training texts, "
        f"{texts.preprocessor.vocabulary_size:,} words, up to {epochs} epochs on {describe(strategy)}{stops}")
    by_class = class_weights(settings.class_weights, corpus.train.labels, len(corpus.class_names))
    table = model.get_layer(architectures.EMBEDDING).embeddings if by_rows else None
    task = ClassificationTask(model, settings, texts.train, corpus.train.labels, texts.validation,
                              corpus.validation.labels, by_class, weights=corpus.train.weights,
                              unlabelled=texts.unlabelled if settings.uses_unlabelled else None,
                              teacher=prior.teacher, seed=config.runtime.seed)
    return Trainer(task, optimizer, strategy, settings, config.runtime.seed, table), sizes


def can_update_rows(config: RunConfig, strategy: Any) -> bool:
    """Whether the embedding can be updated by the rows that a batch looks up.

    Only Adam with one rate for all layers can; noise and averages of the weights change all rows; neither the scaled
    loss of float16 nor the sum of slices over devices is supported; and a TPU's compiler needs a known number of rows.
    """
    settings = config.training
    return (settings.optimizer == "adam" and strategy.num_replicas_in_sync == 1
            and not isinstance(strategy, tf.distribute.TPUStrategy)
            and not (settings.layered or settings.freeze_embedding or settings.gradient_noise or settings.ema
                     or config.runtime.mixed_precision))


def warn_of_reading(pretrained: Pretrained, validation: Texts) -> None:
    """Warn if pretraining used more validation texts than there are duplicates in a corpus (1.4 % in IMDB)."""
    read = int(pretrained.was_trained_on(validation).sum())
    if read > REPEATED_SHARE * len(validation):
        log.warning(f"{pretrained.name} has read {read:,} of the {len(validation):,} validation texts, so that "
                    "validation may flatter: use the same --seed and --validation-fraction for both")


def start_embedding(model: keras.Model, config: RunConfig, texts: PreparedTexts) -> None:
    """Initialise the embedding."""
    start, size = config.training.embedding_start, config.model.embedding_size
    if start == "svd":
        vectors = word_vectors(texts.pooled, texts.preprocessor.vocabulary_size, size, config.runtime.seed)
        architectures.set_word_vectors(model, vectors)
    elif start != "random":
        table = read_vectors(start, texts.preprocessor.words, size)
        log(f"{start}: {table.coverage(texts.train.tokens)}")
        architectures.set_word_vectors(model, table.vectors)
