"""Training of a classifier, from a configuration to a finished run folder."""

import dataclasses
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import keras
import numpy as np
import sklearn
import tensorflow as tf

import sentiment
from sentiment import architectures
from sentiment.architectures.ensemble import Member
from sentiment.artifacts import RunFolder, load_classifier, open_start
from sentiment.config import DataConfig, RunConfig, only
from sentiment.console import dispensable, log
from sentiment.data import Corpus, Examples, Texts, digests, load_corpus, load_unlabelled, occurring
from sentiment.errors import UserError, counted
from sentiment.evaluation import calibration_error, evaluate, plots
from sentiment.export import Original, export_saved_model
from sentiment.inference import Classifier
from sentiment.machine import peak_memory_bytes
from sentiment.predictions import probabilities
from sentiment.runs.baselines import fit_baselines
from sentiment.runs.model_card import model_card
from sentiment.runs.run import Run
from sentiment.runs.tested import Tested
from sentiment.training import Trained, train
from sentiment.training.prior import Prior, TeacherLogits
from sentiment.training.strategy import Workers, make_strategy

CHECKED_TEXTS = 64  # validation texts on which an export must agree with the model


class CorpusSource(Protocol):
    """Function that returns a corpus for the options of the data and a seed; see `sentiment.data.load_corpus`."""

    def __call__(self, config: DataConfig, seed: int, fold: int | None = None) -> Corpus:  # noqa: D102
        ...


def train_run(config: RunConfig, target: Path, *, overwrite: bool = False, resume: bool = False,
              source: CorpusSource = load_corpus, callbacks: Sequence[keras.callbacks.Callback] = (),
              fold: int | None = None, tested: Tested | None = None) -> RunFolder | None:
    """Train a classifier, export it, evaluate it once on the test split, and write everything to a folder.

    With several workers, only the chief writes; the others train and return None. With `--folds`, this is the training
    of one fold or of the final model; see `cross_validated_run`.

    Args:
        config: of the run.
        target: the folder.
        overwrite: whether to replace a finished run.
        resume: whether to resume an unfinished run from its newest checkpoint, and to return a finished one.
        source: of the corpus.
        callbacks: additional Keras callbacks.
        fold: the number of the fold that `source` holds out, from 0.
        tested: the results of all folds, for the final model.

    Raises:
        UserError: if the input is wrong; only checkpoints are kept.
        Interrupted: after SIGINT or SIGTERM during training, and a checkpoint.
    """
    started = time.perf_counter()
    with Run(RunFolder, config, target, overwrite=overwrite, resume=resume) as run:
        if run.config.data.folds and fold is None and tested is None and not run.finished:
            raise UserError(f"{target} was started with --folds {run.config.data.folds}: pass it again")
        if run.finished:
            if source is not load_corpus:
                run.check_texts(source(config.data, config.runtime.seed))
            return run.folder
        check_start(run.config)
        architectures.find(run.config.model)
        strategy = make_strategy(run.config.runtime.strategy)
        if not Workers(strategy).is_chief:
            _help_training(run, strategy, source(run.config.data, run.config.runtime.seed))
            return None
        with run.working() as folder:
            corpus = source(run.config.data, run.config.runtime.seed)
            run.config = config = run.config.updated({"data": {"dataset": corpus.name}})
            for note in corpus.notes if tested is None and not fold else ():
                log.warning(note)
            prior = load_prior(config, corpus)
            trained = train(config, corpus, strategy, history_file=folder.history, checkpoints=folder.checkpoints,
                            tensorboard=folder.tensorboard, scratch=folder.path, watchers=callbacks, prior=prior)
            if trained.diverged:
                log.warning(f"{trained.diverged}: training stopped, the weights of epoch {trained.best_epoch} were "
                            "kept")
            others = load_unlabelled(config.data, corpus)
            folder.save_seen(np.concatenate([digests(corpus.train.texts), digests(others),
                                             *([prior.pretrained.digests] if prior.pretrained else [])]),
                             digests(corpus.validation.texts))
            conclude(run, corpus, trained, started, others=others, tested=tested,
                     read_before=lambda texts: 0 if prior.pretrained is None else
                     int(prior.pretrained.was_trained_on(texts).sum()))
        return run.folder


def check_start(config: RunConfig) -> None:
    """Check that a classifier has the options that its pretrained network determines.

    Raises:
        UserError: that names the flags, or if the pretrained network is missing.
    """
    if config.training.teacher:
        RunFolder.open(config.training.teacher)
    path = config.training.pretrained
    if not path:
        return
    shared = open_start(path).shared_values()
    given = {section: tuple(options) for section, options in config.given.items()}
    # The user's options explain the other differences, such as the attention that a pooling replaces.
    differing = config.differing_flags(only(shared, given)) or config.differing_flags(shared)
    if differing:
        raise UserError(f"{path} was trained with another value of {', '.join(differing)}: omit that")


def load_prior(config: RunConfig, corpus: Corpus) -> Prior:
    """Load the pretrained network and the teacher of a configuration, and predict all texts with the teacher.

    Raises:
        UserError: if one cannot be read, is incompatible, or has other classes.
    """
    check_start(config)
    settings = config.training
    pretrained = open_start(settings.pretrained).load_start() if settings.pretrained else None
    if not settings.teacher:
        return Prior(pretrained)
    teacher, others = load_classifier(settings.teacher), load_unlabelled(config.data, corpus)
    if teacher.class_names != corpus.class_names:
        raise UserError(f"{settings.teacher} has the classes {', '.join(teacher.class_names)}, {corpus.name} has "
                        f"{', '.join(corpus.class_names)}")
    log(f"{settings.teacher} predicts {counted(len(corpus.train) + len(others), 'text')}")
    return Prior(pretrained, TeacherLogits(teacher.predict_logits(corpus.train.texts),
                                           teacher.predict_logits(others) if others else None))


def conclude(run: Run[RunFolder, RunConfig], corpus: Corpus, trained: Trained, started: float, *, others: Texts,
             read_before: Callable[[Texts], int], members: Sequence[Member] = (),
             weights: Mapping[str, float] | None = None, tested: Tested | None = None) -> None:
    """Save a trained model, export it if configured, and evaluate it once on the test split.

    Args:
        run: being written.
        corpus: whose test split has not been read.
        trained: the model.
        started: the start time, by `time.perf_counter`.
        others: the unlabelled training texts.
        read_before: counts texts that the initial network was pretrained on.
        members: of an ensemble.
        weights: of the members in the mean, by name.
        tested: the results of a cross-validation, in place of those on the test split.
    """
    folder, config = run.folder, run.config
    folder.save_run(config, trained.preprocessor, corpus.class_names, trained.sizes, trained.model, members)
    if config.runtime.save_float16 or not tested:
        saved = Classifier(folder.load_model(), trained.preprocessor, corpus.class_names)
        if config.runtime.save_float16:
            trained = dataclasses.replace(trained, validation_logits=saved.predict_logits(corpus.validation.texts))
        tested = tested or _test(config, corpus, saved, trained.temperature, others=others, read_before=read_before)
    tested.save(folder)
    started += tested.baselines.seconds if tested.baselines and not tested.folds else 0.0
    measured = _measured(config, corpus, trained, tested)
    if weights:
        measured["training"]["members"] = weights
    measured["seconds"] = trained.seconds.since(started)
    folder.save_json(folder.metrics, measured)
    # Everything essential is written: a later error affects only its own file.
    if config.runtime.export:
        with dispensable("the SavedModel", f"`python -m sentiment export {run.target} --format saved_model` writes it"):
            export_saved_model(Original(folder, list(islice(corpus.validation.texts, CHECKED_TEXTS))))
    _draw(folder, corpus, trained, tested, measured)
    with dispensable("the model card"):
        config = config.updated({"runtime": {"export": folder.export.exists()}})
        folder.save_text(folder.card, model_card(run.target.name, config, measured))


def _test(config: RunConfig, corpus: Corpus, saved: Classifier, temperature: float, *, others: Texts,
          read_before: Callable[[Texts], int]) -> Tested:
    """Read the test split, predict it with the saved model, and fit the baselines; see `conclude`."""
    test = corpus.test.read()
    logits = saved.predict_logits(test.texts)
    seen = {**_seen(corpus, others, test, logits), "pretraining": read_before(test.texts)}
    baselines = None
    if config.runtime.baselines:
        with dispensable("the baselines"):
            baselines = fit_baselines(config, corpus, test.texts)
    return Tested(test.labels, logits, logits * np.float32(temperature), seen, baselines)


def _help_training(run: Run[RunFolder, RunConfig], strategy: Any, corpus: Corpus) -> None:
    """Train in a worker other than the chief, with the chief's checkpoints and logs in a temporary folder."""
    run.target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as nowhere:
        logs = RunFolder(nowhere)
        train(run.config, corpus, strategy, history_file=logs.history, tensorboard=logs.tensorboard,
              checkpoints=run.folder.checkpoints, scratch=run.target.parent, prior=load_prior(run.config, corpus))


def _measured(config: RunConfig, corpus: Corpus, trained: Trained, tested: Tested) -> dict[str, Any]:
    """Return the content of metrics.json."""
    labels, logits, baselines = tested.labels, tested.logits, tested.baselines
    test = evaluate(labels, logits, corpus.class_names)
    return {
        "dataset": {"name": corpus.file_name, "train_texts": len(corpus.train),
                    "validation_texts": len(corpus.validation), "test_texts": len(labels),
                    "classes": list(corpus.class_names), "notes": list(corpus.notes)},
        "test": test,
        "folds": tested.folds,
        "baselines": baselines and baselines.compared(labels, logits, corpus.class_names, config.model.architecture,
                                                          test["confusion_matrix"]),
        "validation": evaluate(corpus.validation.labels, trained.validation_logits, corpus.class_names),
        "training": {"epochs": len(trained.history.get("loss", ())), "best_epoch": trained.best_epoch,
                     "parameters": trained.model.count_params(), "vocabulary": trained.preprocessor.vocabulary_size,
                     "devices": trained.devices, "diverged": trained.diverged},
        "calibration": {"temperature": trained.temperature,
                        "test_error_before": calibration_error(labels, tested.uncalibrated)},
        "test_texts_seen": tested.seen,
        "peak_memory_bytes": peak_memory_bytes(),
        "versions": versions(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def versions() -> dict[str, str]:
    """Return the versions of the packages that a result depends on."""
    return {"sentiment": sentiment.__version__, "python": platform.python_version(), "tensorflow": tf.__version__,
            "keras": keras.__version__, "scikit-learn": sklearn.__version__, "numpy": np.__version__}


def _seen(corpus: Corpus, others: Texts, test: Examples, logits: np.ndarray) -> dict[str, Any]:
    """Count the test texts seen in training, and compute the accuracy without those seen with a label."""
    labelled = occurring(test.texts, corpus.train.texts) | occurring(test.texts, corpus.validation.texts)
    right = probabilities(logits).argmax(axis=1) == test.labels
    return {"labelled": int(labelled.sum()),
            "unlabelled": int(occurring(test.texts, others).sum()),
            "accuracy_without_labelled": float(right[~labelled].mean()) if not labelled.all() else None}


def _draw(folder: RunFolder, corpus: Corpus, trained: Trained, tested: Tested, measured: dict[str, Any]) -> None:
    folder.plots.mkdir(exist_ok=True)
    if trained.best_epoch is not None:
        with dispensable("the plot of the learning curves"):
            plots.learning_curves(trained.history, folder.plots / "learning_curves.png", trained.best_epoch)
    with dispensable("the plot of the confusion matrix"):
        plots.confusion_matrix(measured["test"], folder.plots / "confusion_matrix.png")
    with dispensable("the plot of the ROC curves"):
        plots.roc_curves(tested.labels, probabilities(tested.logits), corpus.class_names, folder.plots / "roc.png")
