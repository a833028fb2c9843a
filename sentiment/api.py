"""Python API: `train`, `pretrain`, `ensemble`, `tune`, `compare`, and their results."""

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack

import numpy as np
import pandas as pd

from sentiment import architectures
from sentiment import export as exports
from sentiment.artifacts import PretrainedFolder, ResultFolder, RunFolder
from sentiment.config import IN_MEMORY, DataConfig, Options, PretrainConfig, Role, RunConfig, RuntimeConfig
from sentiment.config.keywords import in_python, nested
from sentiment.config.presets import PRESETS
from sentiment.console import log
from sentiment.data import Examples, load_corpus
from sentiment.data.labelled import indexed
from sentiment.data.memory import (
    checked_texts,
    corpus_in_memory,
    named_frame,
    named_texts,
    relative_weights,
    unlabelled_corpus,
)
from sentiment.errors import UserError, nearest
from sentiment.evaluation import evaluate
from sentiment.explain import Explanation, explain
from sentiment.export import Original
from sentiment.files import TEMPORARY, atomic_path, user_path
from sentiment.inference import Classifier, Predictor
from sentiment.options import PretrainOptions, TrainOptions
from sentiment.precision import precision
from sentiment.reports import comparison_report, evaluation_report, write_report
from sentiment.reports.comparison import HEADERS, KEYS, pairwise
from sentiment.reports.document import Report
from sentiment.run_predictions import check_classes, check_test, overlap, overlap_note
from sentiment.runs import (
    CorpusSource,
    Recipe,
    Tuned,
    ensemble_run,
    exclusive_training,
    pretrain_run,
    resolve,
    tune_run,
)

if TYPE_CHECKING:
    import keras

    from sentiment.data.labelled import Named

StrPath = str | os.PathLike[str]
FORMATS: Mapping[str, Callable[[Original], Path]] = {
    "saved_model": exports.export_saved_model, "onnx": exports.export_onnx, "litert": exports.export_litert}


def _written(report: Report, folder: StrPath) -> Path:
    target = user_path(folder)
    write_report(report, target)
    return target / "index.html"


class Evaluation(dict[str, Any]):
    """Metrics on labelled texts: accuracy, macro F1, log loss, calibration error and those of each class.

    A dictionary with the keys of `metrics.json` and `seen_in_training`: the number of the texts that the model was
    trained or validated on, and its accuracy on the others.

    Example:
        >>> import sentiment
        >>> model = sentiment.load("models/imdb")
        >>> report = model.evaluate(["A wonderful film.", "Awful."], ["positive", "negative"])
        >>> report["accuracy"], report["texts"]
        (1.0, 2)
    """

    def __init__(self, metrics: Mapping[str, Any], model: "Model", examples: Examples, logits: np.ndarray,
                 notes: Sequence[str]) -> None:
        super().__init__(metrics)
        self._report = partial(evaluation_report, model, model.name, IN_MEMORY, examples, logits,
                               measured=model.metrics, notes=notes)

    def __reduce__(self) -> Any:
        return dict, (dict(self),)  # without the model and the texts

    def save(self, folder: StrPath) -> Path:
        """Write the report as an HTML page, `index.html`, as Markdown and with its plots; return the page's path."""
        return _written(self._report(), folder)


class Comparison:
    """Metrics of several models on the same labelled texts.

    Attributes:
        table: a DataFrame, one row per model: accuracy, macro F1, log loss, calibration error and, for two classes,
            the area under the ROC curve.
        notes: caveats about the numbers, such as how many of the texts a model was trained on.
        mcnemar: a DataFrame, one row per pair of models: the numbers of texts that only the first and only the second
            gets right, and the p-value of McNemar's exact test.

    Example:
        >>> import sentiment
        >>> imdb = sentiment.load("models/imdb")
        >>> found = sentiment.compare({"a": imdb, "b": imdb}, ["A wonderful film.", "Awful."], ["positive", "negative"])
        >>> found.table["accuracy"].tolist()
        [1.0, 1.0]
        >>> found.mcnemar["p_value"].tolist()
        [1.0]
    """

    def __init__(self, logits: Mapping[str, np.ndarray], examples: Examples, class_names: tuple[str, ...],
                 dataset: str, notes: Sequence[str]) -> None:
        self.notes = tuple(notes)
        metrics = {name: evaluate(examples.labels, values, class_names) for name, values in logits.items()}
        self.table = pd.DataFrame({header: {name: found[key] for name, found in metrics.items()}
                                   for header, key in zip(HEADERS[1:], KEYS, strict=True)}, dtype=float)
        self.table.index.name = HEADERS[0]
        self.mcnemar = pd.DataFrame([{"first": first, "second": second, **test._asdict()}
                                     for (first, second), test in pairwise(logits, examples.labels).items()])
        self._report = partial(comparison_report, logits, examples, class_names, dataset, notes)

    def save(self, folder: StrPath) -> Path:
        """Write the report as an HTML page, `index.html`, as Markdown and with its plots; return the page's path."""
        return _written(self._report(), folder)

    def __repr__(self) -> str:
        return f"{self.table.to_string()}\n\nMcNemar's test\n{self.mcnemar.to_string(index=False)}"

    def _repr_html_(self) -> str:
        return f"{self.table.to_html()}<p>McNemar's test</p>{self.mcnemar.to_html(index=False)}"


class Saved:
    """A finished training in a folder; a temporary folder is removed together with this object.

    Attributes:
        name: of the folder.
        config: of the training.
        metrics: as in `metrics.json`.
    """

    def __init__(self, folder: ResultFolder, temporary: TemporaryDirectory[str] | None) -> None:
        self._folder = type(folder)(folder.path.absolute())
        self._temporary = temporary
        self.name = folder.path.name
        self.config: Any = folder.load_config()
        self.metrics = folder.load_metrics()
        self._history = folder.load_history()

    def __fspath__(self) -> str:
        return str(self._folder.path)

    def __reduce__(self) -> Any:
        raise TypeError(f"a {type(self).__name__} is not pickled: write it with save(folder), and read it with "
                        "sentiment.load(folder)")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self  # it is immutable, and estimators copy their options

    @property
    def history(self) -> pd.DataFrame:
        """Losses and metrics of the training by epoch, counted from 1; empty for a linear model."""
        return self._history.copy()

    def save(self, folder: StrPath, *, overwrite: bool = False) -> Path:
        """Write the folder, which all commands accept; return its path.

        Raises:
            UserError: if it exists and `overwrite` is false.
        """
        target = user_path(folder)
        with in_python():
            self._folder.check_free(target, overwrite=overwrite)
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(target) as copy:  # it may be the source of the copy
            shutil.copytree(self._folder.path, copy)
        return target


class PretrainedModel(Saved):
    """A network that was pretrained on unlabelled texts, for `train(..., pretrained=...)`.

    Attributes:
        name: of its folder.
        config: its configuration, a `PretrainConfig`.
        metrics: of the pretraining: `metrics["validation"]["forward_perplexity"]`.

    Example:
        >>> import sentiment
        >>> texts = [f"a {word} film, number {n}" for n in range(40) for word in ("good", "bad")]
        >>> network = sentiment.pretrain(texts, arch="gru", units=8, embedding_size=16, window=5, epochs=1,
        ...                              batch_size=8, verbose=False)
        >>> network.history.columns.tolist()
        ['forward_perplexity', 'learning_rate', 'loss']
    """

    config: PretrainConfig

    def __init__(self, path: StrPath, *, temporary: TemporaryDirectory[str] | None = None) -> None:
        super().__init__(PretrainedFolder.open(path), temporary)

    def __repr__(self) -> str:
        measured = ", ".join(f"{name} {value:.4g}" for name, value in self.metrics["validation"].items())
        return f"<sentiment.PretrainedModel {self.config.model.architecture}, {measured}>"


class Model(Saved, Classifier):
    """A trained text classifier.

    Attributes:
        class_names: the names of the classes, in the order of the probabilities.
        name: of its folder.
        config: its configuration, a `RunConfig`.
        metrics: of the run, as in `metrics.json`: `metrics["test"]["accuracy"]`.

    Example:
        >>> import sentiment
        >>> model = sentiment.load("models/imdb")
        >>> model.predict(["A wonderful film."])[0].label
        'positive'
    """

    config: RunConfig
    _folder: RunFolder

    def __init__(self, path: StrPath, *, mixed_precision: bool = False,
                 temporary: TemporaryDirectory[str] | None = None, source: CorpusSource | None = None) -> None:
        folder = RunFolder.open(path)
        with precision(mixed_precision):
            keras_model = folder.load_model()  # first, as it compares the checksums of all files
        Saved.__init__(self, folder, temporary)
        self._source = source  # of the texts in memory that it was trained on
        Classifier.__init__(self, keras_model, folder.load_preprocessor(), folder.load_class_names(),
                            self.config.data.notes, folder.trained_on())

    def __repr__(self) -> str:
        return (f"<sentiment.Model {self.config.model.architecture}, classes {', '.join(self.class_names)}, test "
                f"accuracy {self.metrics['test']['accuracy']:.4f}>")

    @property
    def keras_model(self) -> "keras.Model":
        """The Keras model: ids int32 [texts, words] to logits float32 [texts, 1 or classes]."""
        return self.model

    def evaluate(self, texts: Any, labels: Any) -> Evaluation:
        """Compute metrics of the model on labelled texts.

        Args:
            texts: strings.
            labels: the name of each text's class.

        Raises:
            TypeError: as `predict`.
            UserError: for a label that is not a class of the model.

        Example:
            >>> import sentiment
            >>> model = sentiment.load("models/imdb")
            >>> report = model.evaluate(["A wonderful film.", "Awful."], ["positive", "negative"])
            >>> report["accuracy"]
            1.0
        """
        examples = _examples(texts, labels, self.class_names)
        logits = self.predict_logits(examples.texts)
        seen = overlap(self._folder, examples, logits)
        notes = [*self.notes, *([overlap_note(seen, len(examples), "the model")] if seen["texts"] else [])]
        for note in notes:
            log.warning(note)
        metrics = {**evaluate(examples.labels, logits, self.class_names), "seen_in_training": seen}
        return Evaluation(metrics, self, examples, logits, notes)

    def explain(self, text: str, class_name: str | None = None) -> Explanation:
        """Return the attribution of a prediction to the words of a text; see `sentiment.explain.Explanation`.

        Raises:
            UserError: for an unknown class.
        """
        return explain(self, text, class_name)

    def export(self, form: Literal["saved_model", "onnx", "litert"], folder: StrPath) -> Path:
        """Write an export, check that its predictions equal the model's, and return its folder.

        Args:
            form: `saved_model`, `onnx` or `litert`.
            folder: of the export; it must not exist.

        Raises:
            UserError: for an unknown form, an existing folder, or an export whose predictions differ.
        """
        if not isinstance(form, str) or form not in FORMATS:
            raise UserError(f"form must be one of {', '.join(FORMATS)}, not '{form}'{nearest(str(form), FORMATS)}")
        target = user_path(folder)
        if target.exists():
            raise UserError(f"{target} exists already")
        with TemporaryDirectory(prefix="sentiment-") as scratch:
            copy = RunFolder(shutil.copytree(self._folder.path, Path(scratch) / self.name,
                                             ignore=shutil.ignore_patterns("export", "onnx", "litert*", "plots")))
            with in_python():
                made = FORMATS[form](Original(copy))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(made, target)
        return target


def train(data: Any = "auto", labels: Any = None, *, groups: Any = None, validation_data: tuple[Any, Any] | None = None,
          test_data: tuple[Any, Any] | None = None, sample_weight: Any = None,
          preset: Literal["fast", "default", "wide", "best"] | None = None,
          callbacks: Sequence["keras.callbacks.Callback"] | None = None, output_dir: StrPath | None = None,
          overwrite: bool = False, resume: bool = False, verbose: bool = True,
          **options: Unpack[TrainOptions]) -> Model:
    """Train a text classifier, choose its best epoch on a validation split, and evaluate it on a test split.

    Args:
        data: texts, with `labels`; a DataFrame with columns of texts and labels; or a value of `--dataset`: a path,
            `imdb`, `sample`.
        labels: the class of each text: strings, whole numbers or booleans.
        groups: one value per text; texts of one group stay in one split.
        validation_data: texts and labels of the validation split (default: a part of the data).
        test_data: texts and labels of the test split (default: a part of the data).
        sample_weight: float [texts], at least 0: factors of the losses of training texts, relative to their mean;
            validation and test texts are not weighted.
        preset: a whole recipe, `fast`, `default`, `wide` or `best`, as for `--preset`.
        callbacks: Keras callbacks for the training.
        output_dir: folder of the run, as on the command line; without it no files are kept.
        overwrite: whether to replace a finished run there.
        resume: whether to resume an unfinished run there.
        verbose: whether to print progress to stderr.
        **options: options of the command line, by name: `arch="gru"`, `units=128`, `epochs=3`,
            `text_column="review"`; `pretrained` and `teacher` also take the results of `pretrain` and `train`.

    Raises:
        TypeError: for an unknown option, or data of the wrong type.
        UserError: for data or options that cannot be trained on; the message says what to do.

    Example:
        >>> import sentiment
        >>> texts = [f"a {word} film, number {n}" for n in range(40) for word in ("good", "bad")]
        >>> model = sentiment.train(texts, ["pos", "neg"] * 40, arch="gru", units=8, embedding_size=16, epochs=12,
        ...                         batch_size=8, learning_rate=0.02, verbose=False)
        >>> model.predict(["such a good film"])[0].label
        'pos'
    """
    if preset is not None and (not isinstance(preset, str) or preset not in PRESETS):
        raise UserError(f"preset must be one of {', '.join(PRESETS)}, not '{preset}'{nearest(str(preset), PRESETS)}")
    callbacks = _checked_callbacks(callbacks)
    with exclusive_training(), log.silence(not verbose), in_python():
        given = nested(options)
        source = _source(data, labels, groups, validation_data, test_data, given, sample_weight)
        chosen = PRESETS[preset or "default"]
        config = resolve(given, chosen.for_machine(chosen.options))
        if callbacks and (chosen.with_linear or not architectures.find(config.model).by_gradient):
            raise TypeError(f"'{preset or config.model.architecture}' is not trained in steps, so it takes no "
                            "callbacks")
        target, temporary = _target(output_dir, preset or config.model.architecture)
        if temporary is not None:
            given.setdefault("runtime", {})["export"] = False  # it would be deleted with the folder
        folder = Recipe(chosen, given, target, overwrite=overwrite, resume=resume, callbacks=callbacks,
                        source=source or load_corpus).train()
        if folder is None:
            raise UserError("with several workers only the chief has the model: start them on the command line")
        model = Model(folder.path, temporary=temporary, source=source)
        if model.metrics.get("baselines"):
            log(model.metrics["baselines"]["verdict"])
        return model


def pretrain(data: Any = "auto", *, output_dir: StrPath | None = None, overwrite: bool = False, resume: bool = False,
             verbose: bool = True, **options: Unpack[PretrainOptions]) -> PretrainedModel:
    """Pretrain a language model or an autoencoder on unlabelled texts, to initialise classifiers.

    Args:
        data: texts, or a value of `--dataset`: a path, `imdb`, `sample`.
        output_dir: folder of the network, as on the command line; without it no files are kept.
        overwrite: whether to replace a finished network there.
        resume: whether to resume an unfinished pretraining there.
        verbose: whether to print progress to stderr.
        ***options: options of the command `pretrain`, by name: `method="autoencoder"`, `units=256`.

    Raises:
        TypeError: for an unknown option, or data of the wrong type.
        UserError: for data or options that cannot be trained on.

    Example:
        >>> import sentiment
        >>> texts = [f"a {word} film, number {n}" for n in range(40) for word in ("good", "bad")]
        >>> small = {"arch": "gru", "units": 8, "embedding_size": 16, "batch_size": 8, "verbose": False}
        >>> network = sentiment.pretrain(texts, window=5, epochs=1, **small)
        >>> model = sentiment.train(texts, ["pos", "neg"] * 40, pretrained=network, epochs=2, **small)
        >>> model.config.model.units
        8
    """
    with exclusive_training(), log.silence(not verbose), in_python():
        given = nested(options, PretrainConfig)
        source: CorpusSource = load_corpus
        if not _is_named(data, given):
            _refuse_file_options(given, Role.NONE)
            for name in DataConfig.names(Role.SPLIT):
                if name in given.get("data", {}):
                    raise TypeError(f"{name} is for labelled texts, which pretraining does not use: omit it")
            source = partial(unlabelled_corpus, checked_texts(data))
        config = PretrainConfig.of_given(given)
        target, temporary = _target(output_dir, config.pretraining.method)
        folder = pretrain_run(config, target, overwrite=overwrite, resume=resume, source=source)
        return PretrainedModel(folder.path, temporary=temporary)


def ensemble(models: Sequence[Model | StrPath], *, weights: Sequence[float] | None = None, baselines: bool = True,
             output_dir: StrPath | None = None, overwrite: bool = False, verbose: bool = True) -> Model:
    """Combine trained models into an ensemble, whose logits are a weighted mean of theirs.

    Args:
        models: at least two models or paths of their folders, trained on the same data with the same test split.
        weights: of the models in the mean, at least 0 (default: fitted on the validation split).
        baselines: whether to evaluate the majority class and `tfidf-lr` on the same splits.
        output_dir: folder of the ensemble, as on the command line; without it no files are kept.
        overwrite: whether to replace a finished run there.
        verbose: whether to print progress to stderr.

    Raises:
        UserError: if the models are incompatible, or the weights are invalid.

    Example:
        >>> import sentiment
        >>> texts = [f"a {word} film, number {n}" for n in range(40) for word in ("good", "bad")]
        >>> members = [sentiment.train(texts, ["pos", "neg"] * 40, arch=arch, verbose=False)
        ...            for arch in ("tfidf-lr", "nb-svm")]
        >>> model = sentiment.ensemble(members, verbose=False)
        >>> list(model.metrics["training"]["members"].values())
        [0.5, 0.5]
    """
    with exclusive_training(), log.silence(not verbose), in_python():
        models = list(models)
        folders = [RunFolder.open(model) for model in models]
        source = _common_source(folders, [one._source if isinstance(one, Model) else None for one in models])
        target, temporary = _target(output_dir, "ensemble")
        folder = ensemble_run(folders, target, weights=None if weights is None else list(weights),
                              export=temporary is None, baselines=baselines, overwrite=overwrite,
                              source=source or load_corpus)
        return Model(folder.path, temporary=temporary, source=source)


class Tuning(Tuned):
    """Result of a hyper-parameter search; see `tune`.

    Attributes:
        config: the best configuration, a `RunConfig`.
        loss: its calibrated validation loss.
        values: the best value of each searched option, by name.
        importances: the share of the variance of the losses that each option explains, the largest first; empty for
            fewer than ten completed trials.
        notes: caveats about the best trial, such as that it has not learned the task.
        study: the Optuna study.

    Example:
        >>> import sentiment
        >>> texts = [f"a {word} film, number {n}" for n in range(40) for word in ("good", "bad")]
        >>> found = sentiment.tune(texts, ["pos", "neg"] * 40, arch="fasttext", trials=1, epochs=1, batch_size=32,
        ...                        embedding_size=8, max_length=20, verbose=False)
        >>> found.trials["state"].tolist()
        ['COMPLETE']
    """

    @property
    def options(self) -> dict[str, Any]:
        """Keyword arguments for `train`: those of `tune`, with the best values."""
        given = {"arch" if name == "architecture" else name: value for values in self.config.given.values()
                 for name, value in values.items() if name != "dataset"}
        return given | self.values

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value!r}"
                           for name, value in self.values.items())
        return f"<sentiment.Tuning, validation loss {self.loss:.4f}: {values}>"

    @property
    def trials(self) -> pd.DataFrame:
        """One row per trial: its number, validation loss, times, state and values."""
        return pd.DataFrame(self.study.trials_dataframe())


def tune(data: Any = "auto", labels: Any = None, *, trials: int = 20, groups: Any = None,
         validation_data: tuple[Any, Any] | None = None, test_data: tuple[Any, Any] | None = None,
         output_dir: StrPath | None = None, verbose: bool = True, **options: Unpack[TrainOptions]) -> Tuning:
    """Search the options of an architecture with Optuna, by the loss on the validation split.

    The test split is not used. Options that are passed stay fixed.

    Args:
        data: as for `train`.
        labels: as for `train`.
        trials: total number of trials.
        groups: as for `train`.
        validation_data: as for `train`.
        test_data: as for `train`; held out.
        output_dir: folder of the study; an existing study is resumed. Without it no files are kept.
        verbose: whether to print progress to stderr.
        **options: as for `train`.

    Raises:
        TypeError: for an unknown option, or data of the wrong type.
        UserError: if Optuna is not installed, for a linear model, or as `train`.

    Example:
        >>> import sentiment
        >>> texts = [f"a {word} film, number {n}" for n in range(40) for word in ("good", "bad")]
        >>> found = sentiment.tune(texts, ["pos", "neg"] * 40, arch="fasttext", trials=1, epochs=1, batch_size=32,
        ...                        embedding_size=8, max_length=20, verbose=False)
        >>> sorted(found.values)
        ['embedding_dropout', 'learning_rate', 'output_dropout', 'warmup', 'word_dropout']
        >>> model = sentiment.train(texts, ["pos", "neg"] * 40, **found.options, verbose=False)
    """
    with exclusive_training(), log.silence(not verbose), in_python():
        given = nested(options)
        for name in RuntimeConfig.names(Role.OUTPUT):
            if name in given.get("runtime", {}):
                raise TypeError(f"{name} affects only the files of a run, and a search writes no run: omit it")
        source = _source(data, labels, groups, validation_data, test_data, given)
        target, temporary = _target(output_dir, "tuning")
        found = Tuning(**vars(tune_run(resolve(given), target, trials, source=source or load_corpus)))
        object.__setattr__(found, "_temporary", temporary)  # the file of the study is deleted together with this object
        return found


def compare(models: Mapping[str, Predictor] | Sequence[Model], texts: Any = None, labels: Any = None) -> Comparison:
    """Compare several models on the same labelled texts, and test their differences.

    Args:
        models: at least two models or exports, by name, or a sequence, whose names are those of their folders.
        texts: strings (default: the test split of the first model).
        labels: the name of each text's class.

    Raises:
        TypeError: as `Model.predict`.
        UserError: if the classes differ, for a label that is not a class, or, without texts, for models that were
            trained on different data.

    Example:
        >>> import sentiment
        >>> imdb = sentiment.load("models/imdb")
        >>> found = sentiment.compare({"a": imdb, "b": imdb}, ["A wonderful film.", "Awful."], ["positive", "negative"])
        >>> found.table["accuracy"].tolist()
        [1.0, 1.0]
    """
    with in_python():
        models = _named_models(models)
        if (texts is None) != (labels is None):
            raise TypeError("texts and labels belong together: pass both, or neither for the test split of the first "
                            "model")
        check_classes({name: model.class_names for name, model in models.items()})
        class_names = next(iter(models.values())).class_names
        if texts is None:
            examples, dataset, notes = _common_test(list(models.values()))
        else:
            examples, dataset, notes = _examples(texts, labels, class_names), IN_MEMORY, []
        logits = {name: model.predict_logits(list(examples.texts)) for name, model in models.items()}
        overlaps = {name: overlap(model._folder, examples, logits[name]) for name, model in models.items()
                    if isinstance(model, Model) and texts is not None}
        notes += [f"{name}: {note}" for name, model in models.items() for note in model.notes]
        notes += [overlap_note(one, len(examples), name) for name, one in overlaps.items() if one["texts"]]
        for note in notes:
            log.warning(note)
        return Comparison(logits, examples, class_names, dataset, notes)


def _named_models(models: Any) -> dict[str, Predictor]:
    """Return models by name: the keys of a mapping, or the names of their folders, numbered if some are equal.

    Raises:
        TypeError: for an object that is not a model.
        UserError: for fewer than two models.
    """
    if isinstance(models, Mapping):
        found = {str(name): model for name, model in models.items()}
    else:
        found = {}
        for model in models:
            name = str(getattr(model, "name", type(model).__name__))
            taken = sum(other == name or other.startswith(f"{name} (") for other in found)
            found[f"{name} ({taken + 1})" if taken else name] = model
    for name, model in found.items():
        if not isinstance(model, Predictor):
            raise TypeError(f"compare takes models, such as those of sentiment.load, not {name}: {model!r:.60}")
    if len(found) < 2:
        raise UserError("compare needs at least two models")
    return found


def _source(data: Any, labels: Any, groups: Any, validation_data: tuple[Any, Any] | None,
            test_data: tuple[Any, Any] | None, given: dict[str, dict[str, Any]], weights: Any = None
            ) -> CorpusSource | None:
    """Return the source of a corpus in memory; for a named corpus set it in `given` and return None."""
    if _is_named(data, given):
        if labels is not None:
            raise TypeError("labels need texts; for a file, use label_column")
        if any(one is not None for one in (groups, validation_data, test_data, weights)):
            raise TypeError("groups, validation_data, test_data and sample_weight go with texts; for a file there are "
                            "group_column, validation_file and test_file")
        return None
    _refuse_file_options(given, Role.COLUMN if isinstance(data, pd.DataFrame) and labels is None else Role.NONE)
    if isinstance(data, pd.DataFrame) and labels is None:
        if groups is not None:
            raise TypeError("groups need texts; for a DataFrame, use group_column")
        named = named_frame(data, resolve({"data": given.get("data", {})}).data)
        if weights is not None:
            named = replace(named, weights=relative_weights(weights, len(data)))
    elif labels is None:
        raise TypeError("texts need labels: train(texts, labels)")
    else:
        named = named_texts(data, labels, groups, weights=weights)
    return partial(corpus_in_memory, named, _split(validation_data, "validation_data"), _split(test_data, "test_data"))


def _is_named(data: Any, given: dict[str, dict[str, Any]]) -> bool:
    """Whether data is the name or path of a data set, which is then set in the options.

    Raises:
        TypeError: if an option names a data set as well.
    """
    if "dataset" in given.get("data", {}):
        raise TypeError("the data set is the first argument: omit dataset")
    named = isinstance(data, (str, os.PathLike))
    if named:
        given.setdefault("data", {})["dataset"] = os.fspath(data)
    return named


def _refuse_file_options(given: Options, allowed: Role) -> None:
    """Refuse options of files for data in memory, except those of labels and of the `allowed` role.

    Raises:
        TypeError: that names one.
    """
    data = given.get("data", {})
    if "data_dir" in data:
        raise TypeError("data_dir is the folder of IMDB, but the data is in memory: omit it")
    for declared in DataConfig.options(Role.FILE):
        roles = declared.metadata["roles"]
        of_unlabelled = Role.UNLABELLED in roles and data.get("unlabelled") not in (None, "corpus", "none")
        if declared.name in data and not (Role.LABELS in roles or of_unlabelled or (allowed and allowed in roles)):
            raise TypeError(f"{declared.name} is an option of files, but the data is in memory: omit it")


def _checked_callbacks(callbacks: Any) -> list["keras.callbacks.Callback"]:
    """Return callbacks as a list.

    Raises:
        TypeError: for anything but a list of Keras callbacks.
    """
    import keras

    if callbacks is None:
        return []
    if not isinstance(callbacks, Iterable) or isinstance(callbacks, keras.callbacks.CallbackList):
        raise TypeError("callbacks must be a list: pass [callback]")
    found = list(callbacks)
    for one in found:
        if not isinstance(one, keras.callbacks.Callback):
            raise TypeError(f"callbacks must be a list of keras.callbacks.Callback, not of {one!r:.60}")
    return found


def _split(pair: Any, name: str) -> "Named | None":
    """Return a split from a pair of texts and labels.

    Raises:
        TypeError: if it is not such a pair.
    """
    if pair is None:
        return None
    if not isinstance(pair, (tuple, list)) or len(pair) != 2 or isinstance(pair[0], str):
        raise TypeError(f"{name} must be a pair of texts and labels: (texts, labels)")
    return named_texts(pair[0], pair[1], name=f"the texts of {name}")


def _target(output_dir: StrPath | None, name: str) -> tuple[Path, TemporaryDirectory[str] | None]:
    """Return the folder of a result, and its temporary parent if no folder is named."""
    if output_dir is not None:
        target = user_path(output_dir)
        if target.name in ("", ".."):
            raise UserError(f"output_dir must name a new folder, not '{output_dir}'")
        return target, None
    temporary = TemporaryDirectory(prefix=TEMPORARY)
    return Path(temporary.name) / name, temporary


def _examples(texts: Any, labels: Any, class_names: tuple[str, ...]) -> Examples:
    """Return labelled texts with class indices; warn of empty texts."""
    with in_python():
        examples, notes = indexed(named_texts(texts, labels), class_names)
    for note in notes:
        log.warning(note)
    return examples


def _common_test(models: Sequence[Predictor]) -> tuple[Examples, str, list[str]]:
    """Return the test split of models trained on the same data, the name of the data, and notes."""
    runs = [model for model in models if isinstance(model, Model)]
    if len(runs) < len(models):
        raise UserError("an export has no test split: pass texts and labels")
    folders = [model._folder for model in runs]
    check_test(folders, "; compare them on texts that neither was trained on: pass texts and labels")
    source = _common_source(folders, [model._source for model in runs]) or load_corpus
    corpus = source(runs[0].config.data, runs[0].config.runtime.seed)
    return corpus.test.read(), corpus.name, list(corpus.notes)


def _common_source(folders: Sequence[RunFolder], sources: Sequence[CorpusSource | None]) -> CorpusSource | None:
    """Return the source of the texts in memory that all runs were trained on, None if all were trained on files.

    Raises:
        UserError: if some were trained on other texts in memory, or on texts that are not available any more.
    """
    in_memory = [folder.load_config().data.dataset == IN_MEMORY for folder in folders]
    if not any(in_memory):
        return None
    for folder, source in zip(folders, sources, strict=True):
        if not isinstance(source, partial):
            raise UserError(f"{folder.path} was not trained in this process on texts in memory, as others were, so "
                            "their test split is not known: train on a file, or give texts and labels to compare")
        if [named and (named.texts, named.labels, named.groups) for named in source.args] != \
                [named and (named.texts, named.labels, named.groups)
                 for named in sources[0].args]:  # type: ignore[union-attr]
            raise UserError(f"{folders[0].path} and {folder.path} were trained on different texts, so test texts of "
                            "one may be training texts of the other, whose accuracy on them would be too high")
    return sources[0]
