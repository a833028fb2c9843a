"""The interface of Python: `train`, `pretrain`, `ensemble`, `tune`, `compare`, and what they return."""

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
from sentiment.answers import check_classes, check_test, overlap, overlap_note
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
from sentiment.files import TEMPORARY, user_path, written_beside
from sentiment.inference import Classifier, Predictor
from sentiment.options import PretrainOptions, TrainOptions
from sentiment.precision import precision
from sentiment.reports import comparison_report, evaluation_report, write_report
from sentiment.reports.comparison import HEADERS, KEYS, pairwise
from sentiment.reports.document import Report
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

    A dictionary, with the keys of `metrics.json`, and `seen_in_training`: how many of the texts the model was trained
    or validated on, and its accuracy on the others.

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
        """Write the report as a page, `index.html`, as Markdown and with its plots; return the page's path."""
        return _written(self._report(), folder)


class Comparison:
    """Metrics of several models on the same labelled texts.

    Attributes:
        table: a DataFrame, a row a model: accuracy, macro F1, log loss, calibration error and, of two classes, the
            area under the ROC curve.
        notes: what a reader of the numbers must know, such as how many of the texts a model was trained on.
        mcnemar: a DataFrame, a row a pair of models: the number of texts that only the first and that only the second
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
        """Write the report as a page, `index.html`, as Markdown and with its plots; return the page's path."""
        return _written(self._report(), folder)

    def __repr__(self) -> str:
        return f"{self.table.to_string()}\n\nMcNemar's test\n{self.mcnemar.to_string(index=False)}"

    def _repr_html_(self) -> str:
        return f"{self.table.to_html()}<p>McNemar's test</p>{self.mcnemar.to_html(index=False)}"


class Saved:
    """A finished training in a folder, which is removed together with this object if it is temporary.

    Attributes:
        name: of the folder.
        config: of the training.
        metrics: what it measured, as in `metrics.json`.
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
        return self  # it does not change, and an option of an estimator is copied

    @property
    def history(self) -> pd.DataFrame:
        """The losses and metrics of the training by epoch, counted from 1; empty for a linear model."""
        return self._history.copy()

    def save(self, folder: StrPath, *, overwrite: bool = False) -> Path:
        """Write the folder, which all commands take; return its path.

        Raises:
            UserError: if it is there and not to be overwritten.
        """
        target = user_path(folder)
        with in_python():
            self._folder.check_free(target, overwrite=overwrite)
        target.parent.mkdir(parents=True, exist_ok=True)
        with written_beside(target) as copy:  # it may be the folder that is copied
            shutil.copytree(self._folder.path, copy)
        return target


class PretrainedModel(Saved):
    """A network that was pretrained on unlabelled texts, for `train(..., pretrained=...)`.

    Attributes:
        name: of its folder.
        config: how it was trained, a `PretrainConfig`.
        metrics: what the pretraining measured: `metrics["validation"]["forward_perplexity"]`.

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
        config: how it was trained, a `RunConfig`.
        metrics: what the run measured, as in `metrics.json`: `metrics["test"]["accuracy"]`.

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
        self._source = source  # of texts in memory that it was trained on
        Classifier.__init__(self, keras_model, folder.load_preprocessor(), folder.load_class_names(),
                            self.config.data.notes)

    def __repr__(self) -> str:
        return (f"<sentiment.Model {self.config.model.architecture}, classes {', '.join(self.class_names)}, test "
                f"accuracy {self.metrics['test']['accuracy']:.4f}>")

    @property
    def keras_model(self) -> "keras.Model":
        """The Keras model: ids int32 [texts, words] to logits float32 [texts, 1 or classes]."""
        return self.model

    def evaluate(self, texts: Any, labels: Any) -> Evaluation:
        """Measure the model on labelled texts.

        Args:
            texts: strings.
            labels: the name of each text's class.

        Raises:
            TypeError: as `predict`.
            UserError: for a label that the model does not know.

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
        """Return which words moved the prediction for a text; see `sentiment.explain.Explanation`.

        Raises:
            UserError: if there is no class of that name.
        """
        return explain(self, text, class_name)

    def export(self, form: Literal["saved_model", "onnx", "litert"], folder: StrPath) -> Path:
        """Write an export that answers as the model does, and return its folder.

        Args:
            form: `saved_model`, `onnx` or `litert`.
            folder: where to; it must not be there yet.

        Raises:
            UserError: for another form, a folder that is there, or an export that answers differently.
        """
        if not isinstance(form, str) or form not in FORMATS:
            raise UserError(f"form must be one of {', '.join(FORMATS)}, not '{form}'{nearest(str(form), FORMATS)}")
        target = user_path(folder)
        if target.exists():
            raise UserError(f"{target} is there already")
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
    """Train a text classifier, choose its best epoch on a validation split, and measure it on a test split.

    Args:
        data: texts, with `labels`; or a DataFrame with a column of each; or what `--dataset` takes: a path, `imdb`,
            `sample`.
        labels: the class of each text: strings, whole numbers or booleans.
        groups: a value for each text; texts of one group are never in two splits.
        validation_data: texts and labels to choose the epoch by; without them a part of the data.
        test_data: texts and labels to measure on; without them a part of the data.
        sample_weight: float [texts], at least 0: factors of the losses of training texts, relative to their mean;
            validation and test texts are not weighted.
        preset: a whole recipe, `fast`, `default`, `wide` or `best`, as of `--preset`.
        callbacks: of Keras, called in the training of the model.
        output_dir: where the run is written, as by the command; without it nothing is left on the disk.
        overwrite: whether to replace a finished run there.
        resume: whether to resume an unfinished run there.
        verbose: whether progress is printed, to stderr.
        **options: those of the command line, by name: `arch="gru"`, `units=128`, `epochs=3`, `text_column="review"`;
            `pretrained` and `teacher` also take what `pretrain` and `train` return.

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
            raise TypeError(f"'{preset or config.model.architecture}' is not trained step by step: it takes no "
                            "callbacks")
        target, temporary = _target(output_dir, preset or config.model.architecture)
        if temporary is not None:
            given.setdefault("runtime", {})["export"] = False  # it would be removed with the folder
        folder = Recipe(chosen, given, target, overwrite=overwrite, resume=resume, callbacks=callbacks,
                        source=source or load_corpus).train()
        if folder is None:
            raise UserError("only the chief of several workers has the model: start them by the command")
        model = Model(folder.path, temporary=temporary, source=source)
        if model.metrics.get("baselines"):
            log(model.metrics["baselines"]["verdict"])
        return model


def pretrain(data: Any = "auto", *, output_dir: StrPath | None = None, overwrite: bool = False, resume: bool = False,
             verbose: bool = True, **options: Unpack[PretrainOptions]) -> PretrainedModel:
    """Train a language model or an autoencoder on unlabelled texts, for classifiers to start from.

    Args:
        data: texts, or what `--dataset` takes: a path, `imdb`, `sample`.
        output_dir: where the network is written, as by the command; without it nothing is left on the disk.
        overwrite: whether to replace a finished one there.
        resume: whether to resume an unfinished one there.
        verbose: whether progress is printed, to stderr.
        **options: those of the command `pretrain`, by name: `method="autoencoder"`, `units=256`.

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
                    raise TypeError(f"{name} is for labelled texts, and pretraining takes none: leave it out")
            source = partial(unlabelled_corpus, checked_texts(data))
        config = PretrainConfig.of_given(given)
        target, temporary = _target(output_dir, config.pretraining.method)
        folder = pretrain_run(config, target, overwrite=overwrite, resume=resume, source=source)
        return PretrainedModel(folder.path, temporary=temporary)


def ensemble(models: Sequence[Model | StrPath], *, weights: Sequence[float] | None = None, baselines: bool = True,
             output_dir: StrPath | None = None, overwrite: bool = False, verbose: bool = True) -> Model:
    """Combine trained models into one, whose logits are a weighted mean of theirs.

    Args:
        models: two or more, or paths of their folders, trained on the same data with the same test split.
        weights: of the models in the mean, at least 0; without them those that fit the validation split best.
        baselines: whether to measure the majority class and `tfidf-lr` on the same splits.
        output_dir: where the ensemble is written, as by the command; without it nothing is left on the disk.
        overwrite: whether to replace a finished run there.
        verbose: whether progress is printed, to stderr.

    Raises:
        UserError: if the models do not go together, or the weights make no mean.

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
    """The result of a hyper-parameter search; see `tune`.

    Attributes:
        config: the best configuration, a `RunConfig`.
        loss: its calibrated validation loss.
        values: the best value of each option that was tried, by name.
        importances: the share of the spread of the losses that each option explains, the largest first; empty for
            fewer than ten completed trials.
        notes: what speaks against the best trial, such as that it has not learned the task.
        study: of Optuna.

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
        """The keyword arguments for `train`: those that `tune` was given, and the best values."""
        given = {"arch" if name == "architecture" else name: value for values in self.config.given.values()
                 for name, value in values.items() if name != "dataset"}
        return given | self.values

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value!r}"
                           for name, value in self.values.items())
        return f"<sentiment.Tuning, validation loss {self.loss:.4f}: {values}>"

    @property
    def trials(self) -> pd.DataFrame:
        """A row a trial: its number, validation loss, times, state and the values that it tried."""
        return pd.DataFrame(self.study.trials_dataframe())


def tune(data: Any = "auto", labels: Any = None, *, trials: int = 20, groups: Any = None,
         validation_data: tuple[Any, Any] | None = None, test_data: tuple[Any, Any] | None = None,
         output_dir: StrPath | None = None, verbose: bool = True, **options: Unpack[TrainOptions]) -> Tuning:
    """Search the options of an architecture by their loss on the validation split, with Optuna.

    The test split is not looked at. Options that are given stay as they are.

    Args:
        data: as of `train`.
        labels: as of `train`.
        trials: how many in all.
        groups: as of `train`.
        validation_data: as of `train`.
        test_data: as of `train`; held out.
        output_dir: where the study is kept; one that is there is resumed. Without it nothing is left on the disk.
        verbose: whether progress is printed, to stderr.
        **options: as of `train`.

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
                raise TypeError(f"{name} is an option of what a run writes, and a search writes none: leave it out")
        source = _source(data, labels, groups, validation_data, test_data, given)
        target, temporary = _target(output_dir, "tuning")
        found = Tuning(**vars(tune_run(resolve(given), target, trials, source=source or load_corpus)))
        object.__setattr__(found, "_temporary", temporary)  # the study's file is removed together with this object
        return found


def compare(models: Mapping[str, Predictor] | Sequence[Model], texts: Any = None, labels: Any = None) -> Comparison:
    """Measure several models on the same labelled texts, and test their differences.

    Args:
        models: by name, or a sequence, which are named by their folders; two or more, also exports.
        texts: strings; without them the test split of the first model.
        labels: the name of each text's class.

    Raises:
        TypeError: as `Model.predict`.
        UserError: if the classes differ, for a label that the models do not know, or, without texts, for models that
            were trained on different data.

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
            raise TypeError("texts and labels go together: give both, or none for the test split of the first model")
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
    """Return models by name: those of a mapping, or the names of their folders, numbered where some are the same.

    Raises:
        TypeError: for what is no model.
        UserError: for less than two.
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
            raise TypeError(f"compare takes models, as of sentiment.load, not {name}: {model!r:.60}")
    if len(found) < 2:
        raise UserError("compare takes two models or more")
    return found


def _source(data: Any, labels: Any, groups: Any, validation_data: tuple[Any, Any] | None,
            test_data: tuple[Any, Any] | None, given: dict[str, dict[str, Any]], weights: Any = None
            ) -> CorpusSource | None:
    """Return the source of a corpus in memory, or None for one that is named, which `given` then names."""
    if _is_named(data, given):
        if labels is not None:
            raise TypeError("labels go with texts; those of a file are in its label_column")
        if any(one is not None for one in (groups, validation_data, test_data, weights)):
            raise TypeError("groups, validation_data, test_data and sample_weight go with texts; for a file there are "
                            "group_column, validation_file and test_file")
        return None
    _refuse_file_options(given, Role.COLUMN if isinstance(data, pd.DataFrame) and labels is None else Role.NONE)
    if isinstance(data, pd.DataFrame) and labels is None:
        if groups is not None:
            raise TypeError("groups go with texts; those of a DataFrame are in its group_column")
        named = named_frame(data, resolve({"data": given.get("data", {})}).data)
        if weights is not None:
            named = replace(named, weights=relative_weights(weights, len(data)))
    elif labels is None:
        raise TypeError("texts need labels: train(texts, labels)")
    else:
        named = named_texts(data, labels, groups, weights=weights)
    return partial(corpus_in_memory, named, _split(validation_data, "validation_data"), _split(test_data, "test_data"))


def _is_named(data: Any, given: dict[str, dict[str, Any]]) -> bool:
    """Return whether data is the name or path of a data set, which is then entered into the options.

    Raises:
        TypeError: if an option names one as well.
    """
    if "dataset" in given.get("data", {}):
        raise TypeError("the data set is the first argument: leave dataset out")
    named = isinstance(data, (str, os.PathLike))
    if named:
        given.setdefault("data", {})["dataset"] = os.fspath(data)
    return named


def _refuse_file_options(given: Options, allowed: Role) -> None:
    """Refuse options of files for data in memory, but for those of labels and those of this role.

    Raises:
        TypeError: naming one.
    """
    data = given.get("data", {})
    if "data_dir" in data:
        raise TypeError("data_dir is the folder of IMDB, and the data is in memory: leave it out")
    for declared in DataConfig.options(Role.FILE):
        roles = declared.metadata["roles"]
        of_unlabelled = Role.UNLABELLED in roles and data.get("unlabelled") not in (None, "corpus", "none")
        if declared.name in data and not (Role.LABELS in roles or of_unlabelled or (allowed and allowed in roles)):
            raise TypeError(f"{declared.name} is an option of files, and the data is in memory: leave it out")


def _checked_callbacks(callbacks: Any) -> list["keras.callbacks.Callback"]:
    """Return callbacks as a list.

    Raises:
        TypeError: for what is no list of Keras callbacks.
    """
    import keras

    if callbacks is None:
        return []
    if not isinstance(callbacks, Iterable) or isinstance(callbacks, keras.callbacks.CallbackList):
        raise TypeError("callbacks must be a list: write [callback]")
    found = list(callbacks)
    for one in found:
        if not isinstance(one, keras.callbacks.Callback):
            raise TypeError(f"callbacks must be a list of keras.callbacks.Callback, not of {one!r:.60}")
    return found


def _split(pair: Any, name: str) -> "Named | None":
    """Return a split that is given as texts and labels.

    Raises:
        TypeError: if it is no pair of them.
    """
    if pair is None:
        return None
    if not isinstance(pair, (tuple, list)) or len(pair) != 2 or isinstance(pair[0], str):
        raise TypeError(f"{name} must be a pair of texts and labels: (texts, labels)")
    return named_texts(pair[0], pair[1], name=f"the texts of {name}")


def _target(output_dir: StrPath | None, name: str) -> tuple[Path, TemporaryDirectory[str] | None]:
    """Return the folder of a result, and the temporary one that it is in where none is named."""
    if output_dir is not None:
        target = user_path(output_dir)
        if target.name in ("", ".."):
            raise UserError(f"output_dir must name a folder of its own, not '{output_dir}'")
        return target, None
    temporary = TemporaryDirectory(prefix=TEMPORARY)
    return Path(temporary.name) / name, temporary


def _examples(texts: Any, labels: Any, class_names: tuple[str, ...]) -> Examples:
    """Return labelled texts with the indices of their classes; warn of those without a text."""
    with in_python():
        examples, notes = indexed(named_texts(texts, labels), class_names)
    for note in notes:
        log.warning(note)
    return examples


def _common_test(models: Sequence[Predictor]) -> tuple[Examples, str, list[str]]:
    """Return the test split of models that were trained on the same data, the name of the data, and notes on it."""
    runs = [model for model in models if isinstance(model, Model)]
    if len(runs) < len(models):
        raise UserError("an export has no test split: give texts and labels")
    folders = [model._folder for model in runs]
    check_test(folders, ": give texts and labels that none has seen")
    source = _common_source(folders, [model._source for model in runs]) or load_corpus
    corpus = source(runs[0].config.data, runs[0].config.runtime.seed)
    return corpus.test.read(), corpus.name, list(corpus.notes)


def _common_source(folders: Sequence[RunFolder], sources: Sequence[CorpusSource | None]) -> CorpusSource | None:
    """Return the source of the texts in memory that all runs were trained on; None if all were trained on files.

    Raises:
        UserError: if some were trained on other texts in memory, or on some that are not known any more.
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
            raise UserError(f"{folder.path} was trained on other texts than {folders[0].path}, which may hold texts of "
                            "its test split")
    return sources[0]
