"""Train the model that a configuration describes on a corpus."""

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf
from sklearn.utils.class_weight import compute_class_weight

from sentiment import architectures
from sentiment.architectures.linear import LAYER as LINEAR_LAYER
from sentiment.batching import UNKNOWN_ID, Batches, TokenizedTexts, bucket_lengths, map_batches
from sentiment.config import RunConfig, flag_of
from sentiment.console import log
from sentiment.data import Corpus, load_unlabelled
from sentiment.data import Texts as CorpusTexts
from sentiment.errors import UserError
from sentiment.precision import precision
from sentiment.text import TextPreprocessor, read_vectors, word_vectors
from sentiment.training.calibration import temperature
from sentiment.training.callbacks import ProgressDisplay, Seconds, make_callbacks
from sentiment.training.checkpoints import Checkpoints
from sentiment.training.classification import ClassificationTask
from sentiment.training.layer_rates import set_layer_rates
from sentiment.training.linear import LEARNERS, count_terms, set_fitted
from sentiment.training.loop import Trainer
from sentiment.training.optimization import make_optimizer
from sentiment.training.prior import NO_PRIOR, Pretrained, Prior, check_options
from sentiment.training.recovery import Recovery, identity_of
from sentiment.training.strategy import Workers, describe

FITTED_AT_ONCE = ("class_weights", "seed", "export", "save_float16")  # options that linear models take, too
REPEATED_SHARE = 0.05  # of validation texts, up to which those that were read before are the corpus's own repeats


@dataclass(frozen=True)
class Trained:
    """What training yields.

    Attributes:
        model: with the weights of the best epoch, its logits divided by the temperature.
        preprocessor: fitted on the training texts.
        sizes: what the model was built with.
        history: a list by metric, a value an epoch; empty for a model that was fitted at once.
        best_epoch: counted from 1; None for a model that was fitted at once.
        validation_logits: float32 [texts, 1 or classes], of the model.
        temperature: see `sentiment.training.calibration`.
        seconds: that it took.
        devices: in words.
        diverged: what happened if the loss stopped being finite, else None.
    """

    model: keras.Model
    preprocessor: TextPreprocessor
    sizes: architectures.Sizes
    history: dict[str, list[float]]
    best_epoch: int | None
    validation_logits: np.ndarray
    seconds: Seconds
    devices: str
    diverged: str | None
    temperature: float = 1.0

    def calibrated(self, labels: np.ndarray) -> Self:
        """Find the temperature on the validation labels, int [texts], and divide the model's logits by it."""
        found = temperature(labels, self.validation_logits)
        architectures.scale_logits(self.model, 1 / found)
        return dataclasses.replace(self, validation_logits=self.validation_logits / np.float32(found),
                                   temperature=found)


def class_weights(kind: str, labels: np.ndarray, classes: int) -> np.ndarray:
    """Return float32 [classes]: ones, or for `balanced` texts / (classes * texts of the class)."""
    if kind == "none":
        return np.ones(classes, np.float32)
    return np.asarray(compute_class_weight("balanced", classes=np.arange(classes), y=labels), dtype=np.float32)


@dataclass(frozen=True)
class Texts:
    """The texts of a run as ids.

    Attributes:
        preprocessor: fitted on the training and unlabelled texts.
        without_labels: the training texts and the unlabelled ones behind one another.
        train, validation, unlabelled: batches of them.
    """

    preprocessor: TextPreprocessor
    without_labels: TokenizedTexts
    train: Batches
    validation: Batches
    unlabelled: Batches | None

    @classmethod
    def prepare(cls, config: RunConfig, corpus: Corpus, folder: Path | None = None,
                words: Sequence[str] | None = None) -> Self:
        """Fit the preprocessor, and cut all texts into batches.

        With `folder`, the ids are on disk there; with `words`, they are the vocabulary.
        """
        others = load_unlabelled(config.data, corpus)
        preprocessor = (TextPreprocessor.fit(config.text, chain(corpus.train.texts, others)) if words is None
                        else TextPreprocessor(config.text, words))
        tokens = preprocessor.tokenize(chain(corpus.train.texts, others), folder)
        train = tokens.part(0, len(corpus.train))
        boundaries = bucket_lengths(train.lengths, config.text.buckets, config.text.max_length)

        def batches(of: TokenizedTexts) -> Batches:
            return Batches(of, boundaries, config.training.batch_size)

        return cls(preprocessor, tokens, batches(train),
                   batches(preprocessor.tokenize(corpus.validation.texts, folder)),
                   batches(tokens.part(len(train), len(tokens))) if others else None)

    @property
    def summary(self) -> str:
        """What the options that depend on the data, and may be changed for it, do to the training texts."""
        lengths, config = self.train.tokens.lengths, self.preprocessor.config
        counts = self.train.tokens.counts(self.preprocessor.vocabulary_size)
        filled, unknown = np.mean(lengths == config.max_length), counts[UNKNOWN_ID] / max(1, counts.sum())
        return (f"texts: {np.median(lengths):.0f} words in the median, {filled:.0%} fill --max-length "
                f"{config.max_length}; {unknown:.1%} of the words are not among the {len(self.preprocessor.words):,} "
                f"known; batches of {self.train.batch_size}")

    def identity(self, corpus: Corpus) -> str:
        """Return a digest of all ids and labels."""
        tokens = [batches.tokens for batches in (self.train, self.validation, self.unlabelled) if batches is not None]
        return identity_of(self.preprocessor.words, tokens, corpus.train.labels, corpus.validation.labels)


def train(config: RunConfig, corpus: Corpus, strategy: Any, *, history_file: Path, checkpoints: Path, tensorboard: Path,
          scratch: Path, watchers: Sequence[keras.callbacks.Callback] = (), prior: Prior = NO_PRIOR) -> Trained:
    """Fit the preprocessor and the model, and calibrate it; logs, checkpoints and ids are written to the paths.

    With a pretrained network in `prior`, the model starts from it and has its vocabulary. Where there are checkpoints
    of the same run, it goes on from the newest. Of several workers the chief alone writes checkpoints, and each writes
    its own logs.
    """
    keras.utils.set_random_seed(config.runtime.seed)
    if config.runtime.deterministic:
        tf.config.experimental.enable_op_determinism()
    entry = architectures.find(config.model)
    check_training(config, entry)
    texts = Texts.prepare(config, corpus, scratch if config.data.stream else None, prior.words)
    if entry.learner != "gradient":
        return fit_at_once(config, corpus, texts, entry.learner).calibrated(corpus.validation.labels)
    settings = config.training
    epochs = settings.epochs_for(len(texts.train))
    recovery = Recovery(Checkpoints(checkpoints), steps=config.runtime.checkpoint_steps,
                        minutes=config.runtime.checkpoint_minutes, identity=texts.identity(corpus),
                        writes=Workers(strategy).is_chief)
    if prior.pretrained is not None:
        warn_of_reading(prior.pretrained, corpus.validation.texts)
    trainer, sizes = prepare_trainer(config, corpus, texts, strategy, prior, resumed=recovery.resumes)
    logs = tensorboard if config.runtime.tensorboard else None
    callbacks = make_callbacks(settings, epochs, history_file, logs)
    display = ProgressDisplay(trainer.task.summary)
    try:
        history = trainer.fit(epochs=epochs, callbacks=[*callbacks, *watchers, display], recovery=recovery)
    finally:
        display.close()
    best = callbacks[0].best_epoch + 1
    logits = trainer.task.predict(texts.validation)
    trained = Trained(trainer.network, texts.preprocessor, sizes, history, best, logits, display.taken,
                      describe(strategy), trainer.diverged)
    return trained.calibrated(corpus.validation.labels)


def prepare_trainer(config: RunConfig, corpus: Corpus, texts: Texts, strategy: Any,
                    prior: Prior = NO_PRIOR, *, resumed: bool = False
                    ) -> tuple[Trainer[ClassificationTask], architectures.Sizes]:
    """Build the model and what trains it; unless a checkpoint will bring the weights, give it those to start from."""
    settings, pretrained = config.training, prior.pretrained
    epochs = settings.epochs_for(len(texts.train))
    with strategy.scope(), precision(config.runtime.mixed_precision):
        sizes = architectures.Sizes(texts.preprocessor.vocabulary_size, len(corpus.class_names),
                                    texts.preprocessor.sentence_ends)
        model = architectures.build(config.model, sizes)
        if pretrained is None and not resumed:
            start_embedding(model, config, texts)
        started = pretrained.start(model, config.model, corpus.class_names) if pretrained is not None else []
        model.get_layer(architectures.EMBEDDING).trainable = not settings.freeze_embedding
        by_rows = can_update_rows(config, strategy)
        optimizer = make_optimizer(settings, steps=epochs * len(texts.train), by_rows=by_rows,
                                   layered=settings.layered)
        if settings.layered:
            set_layer_rates(optimizer, model, started, settings.layer_decay, settings.unfreeze * len(texts.train))
    log(texts.summary)
    log(f"{config.model.architecture}: {model.count_params():,} parameters, {len(corpus.train):,} training texts, "
        f"{texts.preprocessor.vocabulary_size:,} words, up to {epochs} epochs on {describe(strategy)}")
    weights = class_weights(settings.class_weights, corpus.train.labels, len(corpus.class_names))
    table = model.get_layer(architectures.EMBEDDING).embeddings if by_rows else None
    task = ClassificationTask(model, settings, texts.train, corpus.train.labels, texts.validation,
                              corpus.validation.labels, weights, teacher=prior.teacher, seed=config.runtime.seed,
                              unlabelled=texts.unlabelled if settings.uses_unlabelled else None)
    return Trainer(task, optimizer, strategy, settings, config.runtime.seed, table), sizes


def can_update_rows(config: RunConfig, strategy: Any) -> bool:
    """Return whether the embedding can be updated by the rows that a batch touches.

    Only Adam of one rate for all layers knows how; noise and averages of the weights touch all rows; neither the scaled
    loss of float16 nor the sum of slices over devices is provided for; and a TPU's compiler needs to know how many rows
    there are.
    """
    settings = config.training
    if isinstance(strategy, tf.distribute.TPUStrategy) or settings.layered:
        return False
    return (settings.optimizer == "adam" and not settings.freeze_embedding and not settings.gradient_noise
            and not settings.ema and not config.runtime.mixed_precision and strategy.num_replicas_in_sync == 1)


def warn_of_reading(pretrained: Pretrained, validation: CorpusTexts) -> None:
    """Warn of more validation texts that were read in pretraining than a corpus repeats (of IMDB's, 1.4 %)."""
    read = int(pretrained.has_read(validation).sum())
    if read > REPEATED_SHARE * len(validation):
        log.warning(f"{pretrained.name} has read {read:,} of the {len(validation):,} validation texts, so that "
                    "validation may flatter: use the same --seed and --validation-fraction for both")


def check_training(config: RunConfig, entry: architectures.Architecture) -> None:
    """Refuse training options that the architecture cannot use.

    Raises:
        UserError: with the reason.
    """
    check_options(config)
    if "periods" in entry.text and not config.text.periods:
        raise UserError(f"'{entry.name}' reads sentences: it needs --periods")
    if entry.learner == "gradient":
        return
    if config.data.stream:
        raise UserError(f"'{entry.name}' is fitted at once by scikit-learn: --stream is for architectures that are "
                        "trained step by step")
    for section in (config.training, config.runtime):
        for declared in dataclasses.fields(section):
            if getattr(section, declared.name) != declared.default and declared.name not in FITTED_AT_ONCE:
                raise UserError(f"'{entry.name}' is fitted at once by scikit-learn: {flag_of(declared)} is for "
                                "architectures that are trained step by step")


def start_embedding(model: keras.Model, config: RunConfig, texts: Texts) -> None:
    """Give the embedding its first values."""
    start, size = config.training.embedding_start, config.model.embedding_size
    if start == "svd":
        vectors = word_vectors(texts.without_labels, texts.preprocessor.vocabulary_size, size, config.runtime.seed)
        architectures.set_word_vectors(model, vectors)
    elif start != "random":
        table = read_vectors(start, texts.preprocessor.words, size)
        log(f"{start}: {table.coverage(texts.train.tokens)}")
        architectures.set_word_vectors(model, table.vectors)


def fit_at_once(config: RunConfig, corpus: Corpus, texts: Texts, learner: str) -> Trained:
    """Fit a linear model over n-grams with scikit-learn."""
    started = time.perf_counter()
    sizes = architectures.Sizes(texts.preprocessor.vocabulary_size, len(corpus.class_names))
    order = architectures.build(config.model, sizes).get_layer(LINEAR_LAYER).order
    terms = count_terms(texts.train.tokens, order, texts.preprocessor.vocabulary_size)
    log(texts.summary)
    log(f"{config.model.architecture}: {len(terms.keys):,} terms of {len(corpus.train):,} training texts")
    weighted = "balanced" if config.training.class_weights == "balanced" else None
    fitted = LEARNERS[learner](terms.counts, corpus.train.labels, weighted)
    sizes = dataclasses.replace(sizes, terms=len(terms.keys))
    model = architectures.build(config.model, sizes)
    set_fitted(model.get_layer(LINEAR_LAYER), terms, fitted)
    infer = tf.function(lambda ids: model(ids, training=False), input_signature=[tf.TensorSpec([None, None], tf.int32)])
    logits = map_batches(texts.validation.by_length(), len(corpus.validation), infer)
    seconds = Seconds(time.perf_counter() - started)
    return Trained(model, texts.preprocessor, sizes, {}, None, logits, seconds, "1 CPU", None)
