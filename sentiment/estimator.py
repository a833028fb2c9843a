"""scikit-learn estimator of text classifiers."""

import inspect
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self, TypeVar, Unpack, cast

import keras
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from sentiment import architectures
from sentiment.config import IN_MEMORY, RunConfig
from sentiment.config.keywords import in_python, nested, parameter_names
from sentiment.console import log
from sentiment.data import Corpus, Examples
from sentiment.data.corpus import HeldOut
from sentiment.data.memory import checked_texts, relative_weights
from sentiment.data.splits import hold_out
from sentiment.inference import Classifier
from sentiment.options import EstimatorOptions
from sentiment.runs import exclusive_training, load_prior, resolve
from sentiment.text import TextPreprocessor
from sentiment.training import train
from sentiment.training.strategy import make_strategy

Init = TypeVar("Init", bound=Callable[..., None])


def with_parameters(init: Init) -> Init:
    """Set the signature of `__init__` to all options, which scikit-learn inspects."""
    defaults = dict.fromkeys(parameter_names()) | {"verbose": False}
    parameters = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
                  *(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
                    for name, default in defaults.items())]
    init.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return init


def class_indices(y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted classes, of the type of the labels, and the class indices, int32 [texts].

    Raises:
        TypeError: for labels of several types.
        ValueError: for a missing label, several columns, non-integral numbers, or fewer than two classes.
    """
    labels = column_or_1d(np.asarray(y), warn=True)
    missing = np.flatnonzero(pd.isna(np.asarray(y, dtype=object)))  # NumPy makes NaN among strings 'nan'
    if missing.size:
        raise ValueError(f"y[{missing[0]}] is missing, None or NaN: omit texts without a label")
    try:
        check_classification_targets(labels)
        classes, indices = np.unique(labels, return_inverse=True)
    except TypeError:
        kinds = sorted({type(label).__name__ for label in labels})
        raise TypeError(f"labels must be of one type, not of several types: {', '.join(kinds)}") from None
    if len(classes) < 2:
        raise ValueError(f"y has {len(classes)} class{'' if len(classes) == 1 else 'es'}, {classes.tolist()}: at least "
                         "two are needed")
    return classes, indices.astype(np.int32)


class TextClassifier(ClassifierMixin, BaseEstimator):
    """Text classifier with the interface of scikit-learn.

    Its parameters are the options of `sentiment.train` except those of files; None stands for the default. A share of
    the training texts, `validation_fraction`, is held out to choose the best epoch and to calibrate probabilities.

    Attributes:
        classes_: the labels, sorted, of the type passed to `fit`.

    Example:
        >>> from sentiment import TextClassifier
        >>> texts = [f"a {word} film, number {n}" for n in range(40) for word in ("good", "bad")]
        >>> model = TextClassifier(arch="tfidf-lr").fit(texts, ["pos", "neg"] * 40)
        >>> model.predict(["such a good film"]).tolist()
        ['pos']
    """

    @with_parameters
    def __init__(self, *, verbose: bool = False, **options: Unpack[EstimatorOptions]) -> None:
        names = parameter_names()
        unknown = [name for name in options if name not in names]
        if unknown:
            nested({unknown[0]: None})  # raises with the nearest name
            raise TypeError(f"unknown option '{unknown[0]}' of an estimator, whose texts are passed to fit")
        for name in names:
            setattr(self, name, options.get(name))
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on texts and their labels; a failed fit leaves the estimator unchanged.

        Args:
            X: strings: a list, a tuple, a Series, an array [texts] or another iterable.
            y: labels, as many: strings, whole numbers or booleans, as a list, a Series or an array [texts].
            sample_weight: float [texts], at least 0: factors of the losses of training texts, relative to their mean;
                validation texts are not weighted.

        Raises:
            TypeError: for values of `X` that are not strings, or labels of several types.
            ValueError: if the numbers of texts, labels and weights differ, a label is missing, a weight is negative, or
                there is only one class.
            UserError: for options or texts that cannot be trained on.
            RuntimeError: in a process that was forked after a fit.
        """
        texts = checked_texts(X, "X")
        classes, indices = class_indices(y)
        if len(texts) != len(indices):
            raise ValueError(f"{len(texts):,} texts, but {len(indices):,} labels")
        weights = None if sample_weight is None else relative_weights(sample_weight, len(texts))
        with exclusive_training(), log.silence(not self.verbose), in_python():
            config = resolve(nested({name: getattr(self, name) for name in parameter_names()}))
            names = tuple(map(str, classes.tolist()))
            examples = Examples(texts, indices, weights=weights)
            train_part, validation = hold_out(examples, config.data.validation_fraction, config.runtime.seed, names)
            corpus = Corpus(IN_MEMORY, names, train_part, validation, HeldOut(lambda: validation))
            with TemporaryDirectory(prefix="sentiment-") as name:
                folder = Path(name)
                trained = train(config, corpus, make_strategy(config.runtime.strategy), history_file=folder / "history",
                                checkpoints=folder / "checkpoints", tensorboard=folder, scratch=folder,
                                prior=load_prior(config, corpus))
            self.classes_ = classes
            self._use(config, trained.preprocessor.words, trained.sizes, trained.model.get_weights())
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the label of each text, of the type passed to `fit`."""
        best = self.predict_proba(X).argmax(axis=1)
        return cast("np.ndarray", self.classes_[best])

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return float64 [texts, classes], in the order of `classes_`."""
        check_is_fitted(self)
        return self._classifier.predict_proba(checked_texts(X, "X"))

    @property
    def keras_model(self) -> keras.Model:
        """The Keras model: ids int32 [texts, words] to logits float32 [texts, 1 or classes]."""
        check_is_fitted(self)
        return self._classifier.model

    def _use(self, config: RunConfig, words: tuple[str, ...], sizes: architectures.Sizes, weights: list[np.ndarray]
             ) -> None:
        """Build the classifier; its parts are kept for pickling."""
        model = architectures.build(config.model, sizes)
        model.set_weights(weights)
        self._built_from = (config.to_dict(), words, sizes)
        names = tuple(map(str, self.classes_.tolist()))
        self._classifier = Classifier(model, TextPreprocessor(config.text, words), names)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_classifier")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array, tags.input_tags.one_d_array = True, False, True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        classifier = state.pop("_classifier", None)
        return state if classifier is None else state | {"_weights": classifier.model.get_weights()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        weights = state.pop("_weights", None)
        super().__setstate__(state)
        if weights is not None:
            config, words, sizes = self._built_from
            self._use(RunConfig.from_dict(config), words, sizes, weights)
