"""Linear models over n-grams, fitted by scikit-learn and computed by a Keras layer."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from sentiment import architectures
from sentiment.architectures.linear import LAYER
from sentiment.batching import UNKNOWN_ID, TokenizedTexts, map_batches
from sentiment.config import RunConfig
from sentiment.console import log
from sentiment.data import Corpus
from sentiment.inference.classifier import compiled
from sentiment.training.callbacks import Seconds
from sentiment.training.fitting import PreparedTexts, Trained

MINIMUM_TEXTS = 2
LOGISTIC_C = 10.0
# Chosen on IMDB's validation split: C = 1, 0.1 and 0.01 gave 0.906, 0.909 and 0.914.
SVM_C, NAIVE_BAYES_SMOOTHING = 0.01, 1.0


@dataclass(frozen=True)
class Terms:
    """N-grams of the training texts.

    Attributes:
        keys: int32 [terms, order], the ids of each n-gram, then zeros; sorted.
        counts: float32 sparse [texts, terms].
    """

    keys: np.ndarray
    counts: sparse.csr_array


def count_terms(tokens: TokenizedTexts, order: int, vocabulary_size: int) -> Terms:
    """Count the n-grams of up to `order` words that occur in at least two texts and contain no unknown word.

    If no n-gram occurs in two texts, all are kept.
    """
    texts = np.repeat(np.arange(len(tokens)), tokens.lengths)
    if vocabulary_size**order >= 2**63:
        raise ValueError(f"{vocabulary_size} ids are too many for n-grams of {order}")
    found_texts, found_keys = [], []
    for length in range(1, order + 1):
        starts = np.arange(len(tokens.values) - length + 1)
        starts = starts[texts[starts] == texts[starts + length - 1]]
        words = tokens.values[starts[:, None] + np.arange(length)].astype(np.int64)
        known = (words != UNKNOWN_ID).all(axis=1)
        # One number per n-gram, in the order of the padded rows.
        powers = np.array([vocabulary_size ** (order - 1 - place) for place in range(length)], np.int64)
        found_texts.append(texts[starts[known]])
        found_keys.append(words[known] @ powers)
    keys, columns = np.unique(np.concatenate(found_keys), return_inverse=True)
    rows = np.concatenate(found_texts)
    places = (rows.astype(np.int32), columns.astype(np.int32))  # scikit-learn needs 32 bits
    counts = sparse.coo_array((np.ones(len(rows), np.float32), places), shape=(len(tokens), len(keys))).tocsr()
    frequent = np.bincount(counts.indices, minlength=len(keys)) >= MINIMUM_TEXTS
    kept = frequent if frequent.any() else np.ones(len(keys), bool)
    digits = [keys[kept] // vocabulary_size ** (order - 1 - place) % vocabulary_size for place in range(order)]
    return Terms(np.stack(digits, axis=1).astype(np.int32), counts[:, np.flatnonzero(kept).astype(np.int32)])


@dataclass(frozen=True)
class Fitted:
    """Weights of a linear model: float32 idf [terms], kernel [terms, outputs] and bias [outputs]."""

    idf: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray


def fit_logistic_regression(counts: sparse.csr_array, labels: np.ndarray, class_weight: str | None,
                            weights: np.ndarray | None = None) -> Fitted:
    """Fit logistic regression on TF-IDF with sublinear counts and unit rows.

    `weights`, float32 [texts], are factors of the losses; term frequencies are not weighted.
    """
    weighting = TfidfTransformer(sublinear_tf=True)
    values = weighting.fit_transform(counts)
    model = LogisticRegression(C=LOGISTIC_C, max_iter=1000, class_weight=class_weight)
    model.fit(values, labels, sample_weight=weights)
    return Fitted(weighting.idf_.astype(np.float32), model.coef_.T.astype(np.float32),
                  model.intercept_.astype(np.float32))


def fit_nb_svm(counts: sparse.csr_array, labels: np.ndarray, class_weight: str | None,
               weights: np.ndarray | None = None) -> Fitted:
    """Fit an NB-SVM (Wang & Manning 2012, "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification").

    With f the presence of terms, p = 1 + sum of f over the texts of a class and q = 1 + the sum over the others, r =
    log((p / |p|_1) / (q / |q|_1)). A linear SVM with squared hinge loss on r f gives w, and the model's weights are
    r w. The paper's interpolation between w and its mean absolute value is omitted, as in Mesnil et al. 2014: with its
    weight of 0.25, accuracy on IMDB's validation split was 0.903 instead of 0.914. More than two classes are fitted
    one against the rest. `weights`, float32 [texts], are factors of f in both sums and of the losses.
    """
    present = counts.copy()
    present.data = np.ones_like(present.data)
    weighted = present if weights is None else present.multiply(weights[:, None]).tocsr()
    classes = np.unique(labels)
    kernels, biases = [], []
    for positive in classes[1:] if len(classes) == 2 else classes:
        of_class = labels == positive
        inside, outside = (NAIVE_BAYES_SMOOTHING + np.asarray(weighted[rows].sum(axis=0)).ravel()
                           for rows in (np.flatnonzero(of_class), np.flatnonzero(~of_class)))
        ratio = np.log((inside / inside.sum()) / (outside / outside.sum()))
        machine = LinearSVC(C=SVM_C, class_weight=class_weight, random_state=0)
        machine.fit(present.multiply(ratio[None, :]).tocsr(), of_class, sample_weight=weights)
        kernels.append(machine.coef_[0] * ratio)
        biases.append(machine.intercept_[0])
    return Fitted(np.ones(counts.shape[1], np.float32), np.stack(kernels, axis=1).astype(np.float32),
                  np.array(biases, np.float32))


LEARNERS: dict[str, Callable[[sparse.csr_array, np.ndarray, str | None, np.ndarray | None], Fitted]] = {
    "tfidf-lr": fit_logistic_regression, "nb-svm": fit_nb_svm}


def set_fitted(layer: Any, terms: Terms, fitted: Fitted) -> None:
    """Set the terms and weights of a `sentiment.layers.LinearNgrams`."""
    layer.keys.assign(terms.keys)
    layer.idf.assign(fitted.idf)
    layer.kernel.assign(fitted.kernel)
    layer.bias.assign(fitted.bias)


def fit_linear(config: RunConfig, corpus: Corpus, texts: PreparedTexts) -> Trained:
    """Fit a linear model over n-grams with the solver of its architecture, without calibration."""
    started = time.perf_counter()
    sizes = architectures.Sizes(texts.preprocessor.vocabulary_size, len(corpus.class_names))
    order = architectures.build(config.model, sizes).get_layer(LAYER).order
    terms = count_terms(texts.train.tokens, order, texts.preprocessor.vocabulary_size)
    log(texts.summary)
    log(f"{config.model.architecture}: {len(terms.keys):,} terms of {len(corpus.train):,} training texts")
    balanced = "balanced" if config.training.class_weights == "balanced" else None
    learner = LEARNERS[architectures.find(config.model).learner]
    fitted = learner(terms.counts, corpus.train.labels, balanced, corpus.train.weights)
    sizes = dataclasses.replace(sizes, terms=len(terms.keys))
    model = architectures.build(config.model, sizes)
    set_fitted(model.get_layer(LAYER), terms, fitted)
    logits = map_batches(texts.validation.by_length(), len(corpus.validation), compiled(model))
    seconds = Seconds(time.perf_counter() - started)
    return Trained(model, texts.preprocessor, sizes, {}, None, logits, seconds, "1 CPU", None)
