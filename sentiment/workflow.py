"""The straight road: from a configuration to a finished run folder."""

import dataclasses
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import keras
import numpy as np
import sklearn
import tensorflow as tf

import sentiment
from sentiment import architectures
from sentiment.architectures.ensemble import Member
from sentiment.artifacts import PretrainedFolder, ResultFolder, RunFolder, load_classifier, open_start
from sentiment.config import PretrainConfig, RunConfig
from sentiment.console import log
from sentiment.data import Corpus, Examples, Texts, digests, load_corpus, load_unlabelled, occurring
from sentiment.errors import DivergedError, UserError
from sentiment.evaluation import calibration_error, evaluate, plots
from sentiment.export import Original, export_saved_model
from sentiment.inference import Classifier
from sentiment.machine import peak_memory_bytes
from sentiment.model_card import model_card
from sentiment.predictions import probabilities
from sentiment.text import TextPreprocessor, word2vec, word_vectors, write_vectors
from sentiment.training import Trained, train
from sentiment.training.gradient_flow import all_gradient_norms, sample_of
from sentiment.training.prior import Pretrained, Prior, TeacherLogits
from sentiment.training.strategy import Workers, make_strategy

SomeConfig = TypeVar("SomeConfig", RunConfig, PretrainConfig)
SomeFolder = TypeVar("SomeFolder", RunFolder, PretrainedFolder)
Answer = TypeVar("Answer")
CHANGEABLE = ("checkpoint_minutes", "checkpoint_steps", "export")  # in an unfinished run
CHECKED_TEXTS = 64  # of validation, on which an export must agree with the model


def default_config(given: dict[str, dict[str, Any]]) -> RunConfig:
    """Return the defaults of the architecture that the given options name, or of the default one.

    An architecture's own attention gives way to a pooling that is given, or to anything else that it does not go with.
    With a pretrained network among the options, what that determines is as it says.
    """
    pretrained = given.get("training", {}).get("pretrained")
    shared = open_start(pretrained).shared_values() if pretrained else {}
    start = RunConfig().updated(shared)
    name = given.get("model", {}).get("architecture", start.model.architecture)
    entry = architectures.named(name)
    start = start.updated({"model": {"architecture": name}, "text": dict(entry.text)})
    own = start.updated({"model": dict(entry.model)}).updated(shared)
    fits = architectures.makes_sense(own.updated(given).model)
    return own if fits or not architectures.makes_sense(start.updated(given).model) else start


def config_with(given: dict[str, dict[str, Any]]) -> RunConfig:
    """Return the configuration with these options, and the defaults of their architecture for the others."""
    return default_config(given).updated(given)


def load_pretrained(config: RunConfig) -> Pretrained | None:
    """Load the pretrained network that a configuration names, if it names one.

    Raises:
        UserError: if it cannot be read.
    """
    path = config.training.pretrained
    return open_start(path).load_start() if path else None


def check_start(config: RunConfig) -> None:
    """Refuse a classifier that what it is to start from does not fit.

    Raises:
        UserError: naming the flags, and if there is nothing to start from.
    """
    path = config.training.pretrained
    differing = config.differing_flags(open_start(path).shared_values()) if path else []
    if differing:
        raise UserError(f"{path} was trained with another value of {', '.join(differing)}: leave that out")


def load_teacher(config: RunConfig) -> Classifier | None:
    """Load the run that a configuration names as teacher, if it names one."""
    return load_classifier(config.training.teacher) if config.training.teacher else None


def prior_of(config: RunConfig, corpus: Corpus, others: Texts, pretrained: Pretrained | None,
             teacher: Classifier | None) -> Prior:
    """Let the teacher answer on the training texts and those without labels, `others`.

    Raises:
        UserError: if it knows other classes.
    """
    if teacher is None:
        return Prior(pretrained)
    if teacher.class_names != corpus.class_names:
        raise UserError(f"{config.training.teacher} knows the classes {', '.join(teacher.class_names)}, {corpus.name} "
                        f"has {', '.join(corpus.class_names)}")
    log(f"{config.training.teacher} answers on {len(corpus.train) + len(others):,} texts")
    return Prior(pretrained, TeacherLogits(teacher.predict_logits(corpus.train.texts),
                                           teacher.predict_logits(others) if others else None))


def load_prior(config: RunConfig, corpus: Corpus) -> Prior:
    """Load all that a configuration wants to learn from beside its corpus.

    Raises:
        UserError: if something cannot be read, or does not fit.
    """
    check_start(config)
    others = load_unlabelled(config.data, corpus) if config.training.teacher else []
    return prior_of(config, corpus, others, load_pretrained(config), load_teacher(config))


def resumed_config(config: SomeConfig, folder: Path, given: dict[str, dict[str, Any]]) -> SomeConfig:
    """Return the configuration of what was not finished; of the options given now, `CHANGEABLE` may differ.

    Raises:
        UserError: if others do.
    """
    changes = {name: value for name, value in given.get("runtime", {}).items() if name in CHANGEABLE}
    config = config.updated({"runtime": changes})
    differing = config.differing_flags(given)
    if differing:
        raise UserError(f"{folder} was begun with another value of {', '.join(differing)}: leave that out, or "
                        "remove the folder to start anew")
    return config


def resumed_or_new(kind: type[SomeFolder], run: Callable[..., Answer], config: RunConfig | PretrainConfig,
                   target: Path, *, overwrite: bool, resume: bool, given: dict[str, dict[str, Any]]
                   ) -> SomeFolder | Answer:
    """Return the finished folder at `target`: with `resume` the one that is there, else what `run` makes there.

    Args:
        kind: of the folder.
        run: takes the configuration, `target`, `overwrite` and `unfinished`, the folder to go on with or None.
        config: of a new one; an unfinished one goes on with the configuration that it was begun with.
        target: the folder's path.
        overwrite: whether to replace a finished one.
        resume: whether to go on with an unfinished one, and to take a finished one.
        given: the options that an unfinished one's configuration is compared with.

    Raises:
        UserError: if an option differs, and as `run`.
        Interrupted: as `run`.
    """
    unfinished, finished = kind.to_resume(target, overwrite=overwrite) if resume else (None, False)
    if finished:
        return kind.open(target)
    if unfinished is not None:
        config = resumed_config(unfinished.load_config(), unfinished.path, given)
    return run(config, target, overwrite=overwrite, unfinished=unfinished)


def trained_folder(config: RunConfig, target: Path, *, overwrite: bool, resume: bool, given: dict[str, dict[str, Any]]
                   ) -> RunFolder | None:
    """Return the finished run at `target`, or None where the chief has it; see `resumed_or_new` and `run_training`."""
    return resumed_or_new(RunFolder, run_training, config, target, overwrite=overwrite, resume=resume, given=given)


def run_training(config: RunConfig, target: Path, *, overwrite: bool = False, unfinished: RunFolder | None = None,
                 corpus: Corpus | None = None, callbacks: Sequence[keras.callbacks.Callback] = ()) -> RunFolder | None:
    """Train, export, evaluate once on the test split, and write everything to `target`.

    Of several workers the chief does so; the others only train, and return None.

    With `unfinished`, that run goes on from its newest checkpoint; `config` is then its own (`resumed_config`). The
    data is `corpus`, or without one what the configuration names; `callbacks` are called in training, too.

    Raises:
        UserError: if the input is wrong; nothing is left of the run then but checkpoints.
        Interrupted: after SIGINT or SIGTERM during training, and a checkpoint.
    """
    started = time.perf_counter()
    check_start(config)
    architectures.find(config.model)
    strategy = make_strategy(config.runtime.strategy)
    if not Workers(strategy).is_chief:
        _help_training(config, target, strategy)
        return None
    pretrained, teacher = load_pretrained(config), load_teacher(config)
    folder = unfinished or RunFolder.begin(target, config, overwrite=overwrite)
    with kept_on_error(folder, target):
        corpus = corpus or load_corpus(config.data, config.runtime.seed)
        config = config.updated({"data": {"dataset": corpus.name}})
        for note in corpus.notes:
            log.warning(note)
        others = load_unlabelled(config.data, corpus)
        trained = train(config, corpus, strategy, history_file=folder.history, checkpoints=folder.checkpoints,
                        tensorboard=folder.tensorboard, scratch=folder.path, watchers=callbacks,
                        prior=prior_of(config, corpus, others, pretrained, teacher))
        if trained.diverged:
            log.warning(f"{trained.diverged}: training stopped, the weights of epoch {trained.best_epoch} were kept")
        folder.save_texts(np.concatenate([digests(corpus.train.texts), digests(others),
                                          *([pretrained.digests] if pretrained else [])]))
        return conclude(folder, target, config, corpus, trained, started, others=others,
                        read_before=lambda texts: int(pretrained.has_read(texts).sum()) if pretrained else 0)


def conclude(folder: RunFolder, target: Path, config: RunConfig, corpus: Corpus, trained: Trained, started: float, *,
             others: Texts, read_before: Callable[[Texts], int], members: Sequence[Member] = (),
             weights: Mapping[str, float] | None = None) -> RunFolder:
    """Save a trained model, export it if asked to, evaluate it once on the test split, and name its folder `target`.

    Args:
        folder: the unfinished one.
        target: its name from now on.
        config: of the run.
        corpus: whose test split has not been read.
        trained: the model.
        started: by `time.perf_counter`, when the run began.
        others: the texts without labels that it has learned from.
        read_before: counts the texts that what the model started from was pretrained on.
        members: of an ensemble.
        weights: of these in the mean, by name.
    """
    folder.save_run(config, trained.preprocessor, corpus.class_names, trained.sizes, trained.model, members)
    if config.runtime.export:
        export_saved_model(Original(folder, list(islice(corpus.validation.texts, CHECKED_TEXTS))))
    test, classifier = corpus.test.read(), Classifier(folder.load_model(), trained.preprocessor, corpus.class_names)
    logits = classifier.predict_logits(test.texts)
    if config.runtime.save_float16:
        trained = dataclasses.replace(trained, validation_logits=classifier.predict_logits(corpus.validation.texts))
    np.savez(folder.test, allow_pickle=False, labels=test.labels, logits=logits)
    measured = _measured(corpus, trained, test, logits)
    if weights:
        measured["training"]["members"] = weights
    measured["test_texts_seen"] = _seen(corpus, others, test, logits)
    measured["test_texts_seen"]["pretraining"] = read_before(test.texts)
    measured["seconds"] = trained.seconds.since(started)
    folder.save_json(folder.metrics, measured)
    _draw(folder, corpus, trained, test, logits, measured)
    folder.card.write_text(model_card(target.name, config, measured), encoding="utf-8")
    return folder.finish(target)


def _help_training(config: RunConfig, target: Path, strategy: Any) -> None:
    """Train as one of the workers that is not the chief: with the chief's checkpoints, and logs that nobody needs."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as nowhere:
        logs, corpus = RunFolder(nowhere), load_corpus(config.data, config.runtime.seed)
        train(config, corpus, strategy, history_file=logs.history, tensorboard=logs.tensorboard,
              checkpoints=RunFolder.of_unfinished(target).checkpoints, scratch=target.parent,
              prior=load_prior(config, corpus))


def measure_gradients(config: RunConfig, corpus: Corpus, names: Sequence[str], *, steps: int, texts: int
                      ) -> dict[str, dict[str, np.ndarray]]:
    """Return the norms of the gradient at each step of some training texts, by architecture and variant."""
    seed = config.runtime.seed
    preprocessor = TextPreprocessor.fit(config.text, corpus.train.texts)
    tokens = preprocessor.tokenize(corpus.train.texts)
    sample = sample_of(tokens, corpus.train.labels, steps, texts, seed)
    if sample.ids.shape[1] < steps:
        log.warning(f"the texts are short: {sample.ids.shape[1]} steps instead of {steps}")
    sizes = architectures.Sizes(preprocessor.vocabulary_size, len(corpus.class_names))
    vectors = word_vectors(tokens, sizes.vocabulary_size, config.model.embedding_size, seed)
    return all_gradient_norms(names, config.model, sizes, sample, vectors, seed)


def train_vectors(config: RunConfig, target: Path, *, method: str, size: int, window: int, epochs: int) -> int:
    """Train word vectors on the training and unlabelled texts and write them; return how many there are."""
    seed = config.runtime.seed
    corpus = load_corpus(config.data, seed)
    for note in corpus.notes:
        log.warning(note)
    others = load_unlabelled(config.data, corpus)
    preprocessor = TextPreprocessor.fit(config.text, chain(corpus.train.texts, others))
    tokens = preprocessor.tokenize(chain(corpus.train.texts, others))
    log(f"{method}: {len(tokens):,} texts, {len(tokens.values):,} words, {preprocessor.vocabulary_size:,} ids")
    if method == "svd":
        vectors = word_vectors(tokens, preprocessor.vocabulary_size, size, seed, window)
    else:
        vectors = word2vec(tokens, preprocessor.vocabulary_size, size, skip_gram=method == "skip-gram", window=window,
                           epochs=epochs, seed=seed)
    write_vectors(target, preprocessor.words, vectors[-len(preprocessor.words):])
    return len(preprocessor.words)


@contextmanager
def kept_on_error(folder: ResultFolder, target: Path) -> Iterator[None]:
    """If the run fails or is interrupted, keep what it can go on from, and say so; remove all else."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        kept = folder.fail(target, diverged=isinstance(error, DivergedError))
        if kept:
            log(kept)
        raise


def _measured(corpus: Corpus, trained: Trained, test: Examples, logits: np.ndarray) -> dict[str, Any]:
    """Return the content of metrics.json."""
    return {
        "dataset": {"name": corpus.name, "train_texts": len(corpus.train), "validation_texts": len(corpus.validation),
                    "test_texts": len(test), "classes": list(corpus.class_names), "notes": list(corpus.notes)},
        "test": evaluate(test.labels, logits, corpus.class_names),
        "validation": evaluate(corpus.validation.labels, trained.validation_logits, corpus.class_names),
        "training": {"epochs": len(trained.history.get("loss", ())), "best_epoch": trained.best_epoch,
                     "parameters": trained.model.count_params(), "vocabulary": trained.preprocessor.vocabulary_size,
                     "devices": trained.devices, "diverged": trained.diverged},
        "calibration": {"temperature": trained.temperature,
                        "test_error_before": calibration_error(test.labels, logits * trained.temperature)},
        "peak_memory_bytes": peak_memory_bytes(),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Return the versions of what a result depends on."""
    return {"sentiment": sentiment.__version__, "python": platform.python_version(), "tensorflow": tf.__version__,
            "keras": keras.__version__, "scikit-learn": sklearn.__version__, "numpy": np.__version__}


def _seen(corpus: Corpus, others: Texts, test: Examples, logits: np.ndarray) -> dict[str, Any]:
    """Count the test texts that training has seen as well, and measure the accuracy without those that had a label."""
    labelled = occurring(test.texts, corpus.train.texts) | occurring(test.texts, corpus.validation.texts)
    right = probabilities(logits).argmax(axis=1) == test.labels
    return {"labelled": int(labelled.sum()),
            "unlabelled": int(occurring(test.texts, others).sum()),
            "accuracy_without_labelled": float(right[~labelled].mean()) if not labelled.all() else None}


def _draw(folder: RunFolder, corpus: Corpus, trained: Trained, test: Examples, logits: np.ndarray,
          measured: dict[str, Any]) -> None:
    folder.plots.mkdir(exist_ok=True)
    if trained.best_epoch is not None:
        plots.learning_curves(trained.history, folder.plots / "learning_curves.png", trained.best_epoch)
    plots.confusion_matrix(measured["test"], folder.plots / "confusion_matrix.png")
    plots.roc_curves(test.labels, probabilities(logits), corpus.class_names, folder.plots / "roc.png")
