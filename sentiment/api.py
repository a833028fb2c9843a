"""Training from Python: `train` and the `Model` that it returns."""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pandas as pd

from sentiment import architectures
from sentiment import export as exports
from sentiment.artifacts import RunFolder
from sentiment.config import DataConfig, RunConfig, flag_of
from sentiment.console import log
from sentiment.data import Examples
from sentiment.data.labelled import indexed
from sentiment.data.memory import IN_MEMORY, corpus_in_memory, named_frame, named_texts
from sentiment.errors import UserError, nearest
from sentiment.evaluation import evaluate
from sentiment.export import Original
from sentiment.files import written_beside
from sentiment.inference import Classifier, Explanation, explain
from sentiment.options import TrainOptions
from sentiment.precision import precision
from sentiment.reports import evaluation_report, write_report
from sentiment.workflow import config_with, resumed_or_new, run_training

if TYPE_CHECKING:
    import keras

    from sentiment.data.labelled import Named

FORMATS: Mapping[str, Callable[[Original], Path]] = {
    "saved_model": exports.export_saved_model, "onnx": exports.export_onnx, "litert": exports.export_litert}
FLAG = re.compile(r"--(no-)?([a-z][a-z0-9-]*)")


def option_sections() -> dict[str, tuple[str, str]]:
    """Return where each option of the command line is declared, by its name in Python: section and field."""
    found = {}
    for section, kind in RunConfig.sections().items():
        for declared in fields(kind):  # type: ignore[arg-type]
            found[declared.name] = (section, declared.name)
            found[flag_of(declared).removeprefix("--").replace("-", "_")] = (section, declared.name)
    return found


def nested(options: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return keyword options by section, as the configuration takes them; None stands for the default.

    Raises:
        TypeError: for an option that there is not, with the nearest.
    """
    known = option_sections()
    found: dict[str, dict[str, Any]] = {}
    for name, value in options.items():
        if name not in known:
            raise TypeError(f"unknown option '{name}'{nearest(name, known)}")
        section, field = known[name]
        if value is not None:
            found.setdefault(section, {})[field] = os.fspath(value) if isinstance(value, os.PathLike) else value
    return found


@contextmanager
def in_python() -> Iterator[None]:
    """Name options in messages as keyword arguments, not as flags."""
    known = option_sections()

    def spoken(flag: re.Match[str]) -> str:
        name = flag[2].replace("-", "_")
        if name not in known:
            return name if name in ("output_dir", "overwrite", "resume") else flag[0]
        return f"{name}=False" if flag[1] else name

    try:
        yield
    except UserError as error:
        raise type(error)(FLAG.sub(spoken, str(error))) from None


class Evaluation(dict[str, Any]):
    """Metrics on labelled texts: accuracy, macro F1, log loss, calibration error and those of each class.

    A dictionary, with the keys of `metrics.json`.
    """

    def __init__(self, metrics: Mapping[str, Any], model: "Model", examples: Examples, logits: np.ndarray) -> None:
        super().__init__(metrics)
        self._report = partial(evaluation_report, model, model.name, IN_MEMORY, examples, logits,
                               temperature=model.metrics["calibration"]["temperature"], notes=())

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the report as a page, `index.html`, as Markdown and with its plots; return the page's path."""
        write_report(self._report(), Path(folder))
        return Path(folder) / "index.html"


class Model(Classifier):
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

    def __init__(self, path: str | os.PathLike[str], *, mixed_precision: bool = False,
                 temporary: TemporaryDirectory[str] | None = None) -> None:
        self._folder = RunFolder.open(path)
        self._temporary = temporary  # is removed together with this object
        with precision(mixed_precision):
            keras_model = self._folder.load_model()
        super().__init__(keras_model, self._folder.load_preprocessor(), self._folder.load_class_names())
        self.name = self._folder.path.name
        self.config = self._folder.load_config()
        self.metrics = self._folder.load_metrics()

    def __repr__(self) -> str:
        return (f"<sentiment.Model {self.config.model.architecture}, classes {', '.join(self.class_names)}, test "
                f"accuracy {self.metrics['test']['accuracy']:.4f}>")

    @property
    def history(self) -> pd.DataFrame:
        """The losses and accuracies of the training by epoch, counted from 1; empty for a linear model."""
        if not self._folder.history.is_file():
            return pd.DataFrame()
        found = pd.read_csv(self._folder.history)
        return found.assign(epoch=found["epoch"] + 1).set_index("epoch")

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
        with in_python():
            examples, notes = indexed(named_texts(texts, labels), self.class_names)
        for note in notes:
            log.warning(note)
        logits = self.predict_logits(examples.texts)
        return Evaluation(evaluate(examples.labels, logits, self.class_names), self, examples, logits)

    def explain(self, text: str, class_name: str | None = None) -> Explanation:
        """Return which words moved the prediction for a text; see `sentiment.inference.Explanation`.

        Raises:
            UserError: if there is no class of that name.
        """
        return explain(self, text, class_name)

    def export(self, form: str, folder: str | os.PathLike[str]) -> Path:
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

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the folder of the run, which `sentiment.load` and all commands take; return its path.

        Raises:
            UserError: if it is there and not to be overwritten.
        """
        target = Path(folder)
        with in_python():
            RunFolder.check_free(target, overwrite=overwrite)
        target.parent.mkdir(parents=True, exist_ok=True)
        with written_beside(target) as beside:  # it may be the folder that is copied
            shutil.copytree(self._folder.path, beside)
        return target


def train(data: Any = "auto", labels: Any = None, *, groups: Any = None, validation_data: tuple[Any, Any] | None = None,
          test_data: tuple[Any, Any] | None = None, callbacks: Sequence["keras.callbacks.Callback"] = (),
          output_dir: str | os.PathLike[str] | None = None, overwrite: bool = False, resume: bool = False,
          verbose: bool = True, **options: Unpack[TrainOptions]) -> Model:
    """Train a text classifier, choose its best epoch on a validation split, and measure it on a test split.

    Args:
        data: texts, with `labels`; or a DataFrame with a column of each; or what `--dataset` takes: a path, `imdb`,
            `sample`.
        labels: the class of each text: strings, whole numbers or booleans.
        groups: a value for each text; texts of one group are never in two splits.
        validation_data: texts and labels to choose the epoch by; without them a part of the data.
        test_data: texts and labels to measure on; without them a part of the data.
        callbacks: of Keras, called in training.
        output_dir: where the run is written, as by the command; without it nothing is left on the disk.
        overwrite: whether a finished run there is replaced.
        resume: whether an unfinished run there goes on.
        verbose: whether progress is printed, to stderr.
        **options: those of the command line, by name: `arch="gru"`, `units=128`, `epochs=3`, `text_column="review"`.

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
    given = nested(options)
    with log.silence(not verbose), in_python():
        corpus = None
        if not isinstance(data, (str, os.PathLike)):
            given.setdefault("data", {}).pop("dataset", None)
        elif labels is not None:
            raise TypeError("labels go with texts; those of a file are in its label_column")
        else:
            given.setdefault("data", {})["dataset"] = os.fspath(data)
        config = config_with(given)
        if not isinstance(data, (str, os.PathLike)):
            corpus = corpus_in_memory(_named(data, labels, groups, config.data), _split(validation_data),
                                      _split(test_data), config.data, config.runtime.seed)
        elif groups is not None or validation_data is not None or test_data is not None:
            raise TypeError("groups, validation_data and test_data go with texts; for a file there are group_column, "
                            "validation_file and test_file")
        if callbacks and architectures.find(config.model).learner != "gradient":
            raise TypeError(f"'{config.model.architecture}' is fitted at once: it calls no callbacks")
        temporary = None
        if output_dir is None:
            temporary = TemporaryDirectory(prefix="sentiment-")
            output_dir = Path(temporary.name) / config.model.architecture
            config = config.updated({"runtime": {"export": False}})  # nobody would find it
        folder = resumed_or_new(RunFolder, partial(run_training, corpus=corpus, callbacks=callbacks), config,
                                Path(output_dir), overwrite=overwrite, resume=resume, given=given)
        if folder is None:
            raise UserError("only the chief of several workers has the model: start them by the command")
        return Model(folder.path, temporary=temporary)


def _named(data: Any, labels: Any, groups: Any, config: DataConfig) -> "Named":
    if isinstance(data, pd.DataFrame) and labels is None:
        if groups is not None:
            raise TypeError("groups go with texts; those of a DataFrame are in its group_column")
        return named_frame(data, config)
    if labels is None:
        raise TypeError("texts need labels: train(texts, labels)")
    return named_texts(data, labels, groups)


def _split(pair: tuple[Any, Any] | None) -> "Named | None":
    return None if pair is None else named_texts(*pair)
