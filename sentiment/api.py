"""The interface of Python: `train`, `pretrain`, `ensemble`, `tune`, `compare`, and what they return."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pandas as pd

from sentiment import architectures
from sentiment import export as exports
from sentiment.answers import check_test, names_of
from sentiment.artifacts import PretrainedFolder, ResultFolder, RunFolder
from sentiment.config import PretrainConfig, PretrainingConfig
from sentiment.config.keywords import in_python, nested
from sentiment.config.presets import PRESETS
from sentiment.console import log
from sentiment.data import Examples, load_corpus
from sentiment.data.labelled import indexed
from sentiment.data.memory import IN_MEMORY, corpus_in_memory, named_frame, named_texts, unlabelled_corpus
from sentiment.errors import UserError, nearest
from sentiment.evaluation import evaluate
from sentiment.explain import Explanation, explain
from sentiment.export import Original
from sentiment.files import written_beside
from sentiment.inference import Classifier, Predictor
from sentiment.options import PretrainOptions, TrainOptions
from sentiment.precision import precision
from sentiment.reports import comparison_report, evaluation_report, write_report
from sentiment.reports.comparison import HEADERS, comparison_rows, pairwise
from sentiment.runs import CorpusSource, Recipe, Tuned, ensemble_run, pretrain_run, resolve, tune_run

if TYPE_CHECKING:
    import keras

    from sentiment.data.labelled import Named

StrPath = str | os.PathLike[str]
FORMATS: Mapping[str, Callable[[Original], Path]] = {
    "saved_model": exports.export_saved_model, "onnx": exports.export_onnx, "litert": exports.export_litert}


class Evaluation(dict[str, Any]):
    """Metrics on labelled texts: accuracy, macro F1, log loss, calibration error and those of each class.

    A dictionary, with the keys of `metrics.json`.

    Example:
        >>> import sentiment
        >>> model = sentiment.load("models/imdb")
        >>> report = model.evaluate(["A wonderful film.", "Awful."], ["positive", "negative"])
        >>> report["accuracy"], report["texts"]
        (1.0, 2)
    """

    def __init__(self, metrics: Mapping[str, Any], model: "Model", examples: Examples, logits: np.ndarray) -> None:
        super().__init__(metrics)
        self._report = partial(evaluation_report, model, model.name, IN_MEMORY, examples, logits,
                               temperature=model.metrics["calibration"]["temperature"], notes=())

    def save(self, folder: StrPath) -> Path:
        """Write the report as a page, `index.html`, as Markdown and with its plots; return the page's path."""
        write_report(self._report(), Path(folder))
        return Path(folder) / "index.html"


class Comparison:
    """Metrics of several models on the same labelled texts.

    Attributes:
        table: a DataFrame, a row a model: accuracy, macro F1, log loss, calibration error and, of two classes, the
            area under the ROC curve.
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
                 dataset: str) -> None:
        rows = comparison_rows(logits, examples.labels, class_names)
        self.table = pd.DataFrame([[row[0], *(pd.to_numeric(cell, errors="coerce") for cell in row[1:])]
                                   for row in rows], columns=list(HEADERS)).set_index("model")
        self.mcnemar = pd.DataFrame([{"first": first, "second": second, **test._asdict()}
                                     for (first, second), test in pairwise(logits, examples.labels).items()])
        self._report = partial(comparison_report, logits, examples, class_names, dataset)

    def save(self, folder: StrPath) -> Path:
        """Write the report as a page, `index.html`, as Markdown and with its plots; return the page's path."""
        write_report(self._report(), Path(folder))
        return Path(folder) / "index.html"

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
        self._folder = folder
        self._temporary = temporary
        self.name = folder.path.name
        self.config = folder.load_config()
        self.metrics = folder.load_metrics()

    def __fspath__(self) -> str:
        return str(self._folder.path)

    @property
    def history(self) -> pd.DataFrame:
        """The losses and metrics of the training by epoch, counted from 1; empty for a linear model."""
        if not self._folder.history.is_file():
            return pd.DataFrame()
        found = pd.read_csv(self._folder.history)
        return found.assign(epoch=found["epoch"] + 1).set_index("epoch")

    def save(self, folder: StrPath, *, overwrite: bool = False) -> Path:
        """Write the folder, which all commands take; return its path.

        Raises:
            UserError: if it is there and not to be overwritten.
        """
        target = Path(folder)
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
        ['forward_perplexity', 'loss']
    """

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

    def __init__(self, path: StrPath, *, mixed_precision: bool = False,
                 temporary: TemporaryDirectory[str] | None = None, source: CorpusSource | None = None) -> None:
        folder = RunFolder.open(path)
        Saved.__init__(self, folder, temporary)
        self._run_folder = folder
        self._source = source  # of texts in memory that it was trained on
        with precision(mixed_precision):
            keras_model = folder.load_model()
        Classifier.__init__(self, keras_model, folder.load_preprocessor(), folder.load_class_names())

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
        return Evaluation(evaluate(examples.labels, logits, self.class_names), self, examples, logits)

    def explain(self, text: str, class_name: str | None = None) -> Explanation:
        """Return which words moved the prediction for a text; see `sentiment.explain.Explanation`.

        Raises:
            UserError: if there is no class of that name.
        """
        return explain(self, text, class_name)

    def export(self, form: str, folder: StrPath) -> Path:
        """Write an export that answers as the model does, and return its folder.

        Args:
            form: `saved_model`, `onnx` or `litert`.
            folder: where to; it must not be there yet.

        Raises:
            UserError: for another form, a folder that is there, or an export that answers differently.
        """
        if form not in FORMATS:
            raise UserError(f"form must be one of {', '.join(FORMATS)}, not '{form}'{nearest(form, FORMATS)}")
        target = Path(folder)
        if target.exists():
            raise UserError(f"{target} is there already")
        with TemporaryDirectory(prefix="sentiment-") as scratch:
            copy = RunFolder(shutil.copytree(self._folder.path, Path(scratch) / self.name,
                                             ignore=shutil.ignore_patterns("export", "onnx", "litert*", "plots")))
            made = FORMATS[form](Original(copy))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(made, target)
        return target


def train(data: Any = "auto", labels: Any = None, *, groups: Any = None, validation_data: tuple[Any, Any] | None = None,
          test_data: tuple[Any, Any] | None = None, preset: str | None = None,
          callbacks: Sequence["keras.callbacks.Callback"] = (), output_dir: StrPath | None = None,
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
        preset: a whole recipe, `fast`, `default`, `wide` or `best`, as of `--preset`.
        callbacks: of Keras, called in the training of the model.
        output_dir: where the run is written, as by the command; without it nothing is left on the disk.
        overwrite: whether a finished run there is replaced.
        resume: whether an unfinished run there goes on.
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
    if preset is not None and preset not in PRESETS:
        raise UserError(f"preset must be one of {', '.join(PRESETS)}, not '{preset}'{nearest(preset, PRESETS)}")
    with log.silence(not verbose), in_python():
        given = nested(options)
        source = _source(data, labels, groups, validation_data, test_data, given)
        recipe = Recipe(PRESETS[preset or "default"], given, Path(), source=source or load_corpus)
        config = recipe.config()
        if callbacks and (recipe.preset.with_linear or not architectures.find(config.model).by_gradient):
            raise TypeError(f"'{preset or config.model.architecture}' is not trained step by step: it takes no "
                            "callbacks")
        target, temporary = _target(output_dir, preset or config.model.architecture)
        if temporary is not None:
            given.setdefault("runtime", {})["export"] = False  # nobody would find it
        folder = Recipe(recipe.preset, given, target, overwrite=overwrite, resume=resume, callbacks=callbacks,
                        source=source or load_corpus).train()
        if folder is None:
            raise UserError("only the chief of several workers has the model: start them by the command")
        return Model(folder.path, temporary=temporary, source=source)


def pretrain(data: Any = "auto", *, output_dir: StrPath | None = None, overwrite: bool = False, resume: bool = False,
             verbose: bool = True, **options: Unpack[PretrainOptions]) -> PretrainedModel:
    """Train a language model or an autoencoder on unlabelled texts, for classifiers to start from.

    Args:
        data: texts, or what `--dataset` takes: a path, `imdb`, `sample`.
        output_dir: where the network is written, as by the command; without it nothing is left on the disk.
        overwrite: whether a finished one there is replaced.
        resume: whether an unfinished one there goes on.
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
    with log.silence(not verbose), in_python():
        given = nested(options, PretrainConfig)
        source: CorpusSource = load_corpus
        if isinstance(data, (str, os.PathLike)):
            given.setdefault("data", {})["dataset"] = os.fspath(data)
        else:
            source = partial(unlabelled_corpus, data)
        method = given.get("pretraining", {}).get("method", PretrainingConfig.method)
        config = PretrainConfig.of_method(method).updated(given).with_given(given)
        target, temporary = _target(output_dir, method)
        folder = pretrain_run(config, target, overwrite=overwrite, resume=resume, source=source)
        return PretrainedModel(folder.path, temporary=temporary)


def ensemble(models: Sequence[Model | StrPath], *, weights: Sequence[float] | None = None,
             output_dir: StrPath | None = None, overwrite: bool = False, verbose: bool = True) -> Model:
    """Combine trained models into one, whose logits are a weighted mean of theirs.

    Args:
        models: two or more, or paths of their folders, trained on the same data with the same test split.
        weights: of the models in the mean, at least 0; without them those that fit the validation split best.
        output_dir: where the ensemble is written, as by the command; without it nothing is left on the disk.
        overwrite: whether a finished run there is replaced.
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
    with log.silence(not verbose), in_python():
        source = next((one._source for one in models if isinstance(one, Model) and one._source), None)
        target, temporary = _target(output_dir, "ensemble")
        folder = ensemble_run([RunFolder.open(model) for model in models], target, weights=weights,
                              export=temporary is None, overwrite=overwrite, source=source or load_corpus)
        return Model(folder.path, temporary=temporary, source=source)


class Tuning(Tuned):
    """The result of a hyper-parameter search; see `tune`.

    Attributes:
        config: the best configuration, a `RunConfig`.
        loss: its calibrated validation loss.
        values: the best value of each option that was tried, by name.
        importances: the share of the spread of the losses that each option explains, the largest first.
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
        given = {name: value for values in self.config.given.values() for name, value in values.items()
                 if name != "dataset"}
        return given | self.values

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
        output_dir: where the study is kept; one that is there goes on. Without it nothing is left on the disk.
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
    with log.silence(not verbose), in_python():
        given = nested(options)
        source = _source(data, labels, groups, validation_data, test_data, given)
        target, temporary = _target(output_dir, "tuning")
        try:
            found = tune_run(resolve(given), target, trials, source=source or load_corpus)
        finally:
            if temporary is not None:
                temporary.cleanup()
        return Tuning(**vars(found))


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
        if not isinstance(models, Mapping):
            folders = [model._run_folder for model in models]
            models = dict(zip(names_of(folders), models, strict=True))
        if len(models) < 2:
            raise UserError("compare takes two models or more")
        (first_name, first), *others = models.items()
        for name, other in others:
            if other.class_names != first.class_names:
                raise UserError(f"{name} has the classes {', '.join(other.class_names)}, {first_name} "
                                f"{', '.join(first.class_names)}")
        if texts is None:
            examples, dataset = _common_test(list(models.values()))
        else:
            examples, dataset = _examples(texts, labels, first.class_names), IN_MEMORY
        logits = {name: model.predict_logits(list(examples.texts)) for name, model in models.items()}
        return Comparison(logits, examples, first.class_names, dataset)


def _source(data: Any, labels: Any, groups: Any, validation_data: tuple[Any, Any] | None,
            test_data: tuple[Any, Any] | None, given: dict[str, dict[str, Any]]) -> CorpusSource | None:
    """Return the source of a corpus in memory, or None for one that is named, which `given` then names."""
    if isinstance(data, (str, os.PathLike)):
        if labels is not None:
            raise TypeError("labels go with texts; those of a file are in its label_column")
        if groups is not None or validation_data is not None or test_data is not None:
            raise TypeError("groups, validation_data and test_data go with texts; for a file there are group_column, "
                            "validation_file and test_file")
        given.setdefault("data", {})["dataset"] = os.fspath(data)
        return None
    given.setdefault("data", {}).pop("dataset", None)
    if isinstance(data, pd.DataFrame) and labels is None:
        if groups is not None:
            raise TypeError("groups go with texts; those of a DataFrame are in its group_column")
        named = named_frame(data, resolve({"data": given["data"]}).data)
    elif labels is None:
        raise TypeError("texts need labels: train(texts, labels)")
    else:
        named = named_texts(data, labels, groups)
    return partial(corpus_in_memory, named, _split(validation_data), _split(test_data))


def _split(pair: tuple[Any, Any] | None) -> "Named | None":
    return None if pair is None else named_texts(*pair)


def _target(output_dir: StrPath | None, name: str) -> tuple[Path, TemporaryDirectory[str] | None]:
    """Return the folder of a result, and the temporary one that it is in where none is named."""
    if output_dir is not None:
        return Path(output_dir), None
    temporary = TemporaryDirectory(prefix="sentiment-")
    return Path(temporary.name) / name, temporary


def _examples(texts: Any, labels: Any, class_names: tuple[str, ...]) -> Examples:
    """Return labelled texts with the indices of their classes; warn of those without a text."""
    with in_python():
        examples, notes = indexed(named_texts(texts, labels), class_names)
    for note in notes:
        log.warning(note)
    return examples


def _common_test(models: Sequence[Predictor]) -> tuple[Examples, str]:
    """Return the test split of models that were trained on the same data, and the name of the data."""
    runs = [model for model in models if isinstance(model, Model)]
    if len(runs) < len(models):
        raise UserError("an export has no test split: give texts and labels")
    check_test([model._run_folder for model in runs], ": give texts and labels that none has seen")
    source, config = runs[0]._source or load_corpus, runs[0].config
    corpus = source(config.data, config.runtime.seed)
    return corpus.test.read(), corpus.name
