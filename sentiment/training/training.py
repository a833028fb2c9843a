"""Training of the model of a configuration."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from sentiment import architectures
from sentiment.config import Role, RunConfig, flag_of
from sentiment.data import Corpus
from sentiment.errors import UserError
from sentiment.training.fitting import PreparedTexts, Trained
from sentiment.training.gradient import fit_by_gradient
from sentiment.training.linear import fit_linear
from sentiment.training.prior import NO_PRIOR, Prior


def train(config: RunConfig, corpus: Corpus, strategy: Any, *, history_file: Path, checkpoints: Path, tensorboard: Path,
          scratch: Path, watchers: Sequence[keras.callbacks.Callback] = (), prior: Prior = NO_PRIOR) -> Trained:
    """Fit the preprocessor and the model, and calibrate it; write logs, checkpoints and ids to the paths.

    With a pretrained network in `prior`, the model starts from it and has its vocabulary. If there are checkpoints of
    the same run, it resumes from the newest. With several workers, only the chief writes checkpoints, and each writes
    its own logs.

    Raises:
        UserError: for incompatible options, and if all training texts have the weight 0.
        DivergedError, Interrupted: as `Trainer.fit`.
    """
    keras.utils.set_random_seed(config.runtime.seed)
    if config.runtime.deterministic:
        tf.config.experimental.enable_op_determinism()
    entry = architectures.find(config.model)
    check_training(config, entry)
    if corpus.train.weights is not None and not corpus.train.weights.any():
        raise UserError("all training texts have the weight 0: at least one needs a larger one")
    texts = PreparedTexts.prepare(config, corpus, scratch if config.data.stream else None, prior.words)
    if entry.by_gradient:
        trained = fit_by_gradient(config, corpus, texts, strategy, history_file=history_file, checkpoints=checkpoints,
                                  tensorboard=tensorboard, watchers=watchers, prior=prior)
    else:
        trained = fit_linear(config, corpus, texts)
    return trained.calibrated(corpus.validation.labels)


def check_training(config: RunConfig, entry: architectures.Architecture) -> None:
    """Refuse training options that the architecture does not use, or that need other options.

    Raises:
        UserError: with the reason.
    """
    training = config.training
    for declared in training.changed():
        needed = declared.metadata["needs"]
        if needed and getattr(training, needed) is None:
            raise UserError(f"{flag_of(declared)} needs --{needed}")
        if needed == "pretrained" and training.optimizer == "adamw":
            raise UserError(f"{flag_of(declared)} does not go with --optimizer adamw, which would shrink the weights "
                            "of layers that do not learn yet")
    if training.pretrained is not None and training.embedding_start != "svd":
        raise UserError("--pretrained includes an embedding: omit --embedding-start")
    if "periods" in entry.text and not config.text.periods:
        raise UserError(f"'{entry.name}' reads sentences: it needs --periods")
    if entry.by_gradient:
        return
    if config.data.stream:
        raise UserError(f"'{entry.name}' is fitted at once by scikit-learn: --stream is for architectures that are "
                        "trained in steps")
    for declared in (*training.changed(), *config.runtime.changed()):
        if Role.LINEAR not in declared.metadata["roles"]:
            raise UserError(f"'{entry.name}' is fitted at once by scikit-learn: {flag_of(declared)} is for "
                            "architectures that are trained in steps")
