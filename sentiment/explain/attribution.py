"""Attribution of a prediction to its words by integrated gradients, and attention weights."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sentiment.architectures.blocks import EMBEDDED
from sentiment.batching import UNKNOWN_ID
from sentiment.inference import Classifier
from sentiment.inference.erasure import LISTED, explained_class
from sentiment.layers import Ensemble, LinearNgrams, SelfAttentivePooling, SplitSentences
from sentiment.layers.attention import QueryAttention
from sentiment.predictions import known_remark
from sentiment.text.rewriting import Span

ATTENTION_LAYERS = (QueryAttention, SelfAttentivePooling, keras.layers.MultiHeadAttention)
FIRST_STEPS, MOST_STEPS, STEPS_A_PASS = 64, 1024, 64
TOLERANCE = 0.01


@dataclass(frozen=True)
class AttentionMap:
    """Weights of one attention layer for one text.

    Attributes:
        layer: its name in the model.
        weights: float [maps, words]: one row per head or hop. For self-attention, where each word is a query, a row is
            the mean over the queries.
        matrix: float [maps, words, words], the weights of self-attention, one row per query; else None.
    """

    layer: str
    weights: np.ndarray
    matrix: np.ndarray | None = None


@dataclass(frozen=True)
class Explanation:
    """Explanation of the prediction for one text.

    Attributes:
        text: the text.
        words: the words that the model reads, standardised and truncated.
        spans: start and end of each word in `text`, in characters; see `PlainTokenizer.spans`.
        known: whether each word is in the vocabulary.
        label, score: the prediction and its probability.
        explained: the class whose logit is explained.
        attributions: float64 [words], the contribution of each word to the logit of `explained`.
        logit, baseline: the logit for the text, and for a text whose embedded words are all zero (the bias of a
            linear model). The attributions should add up to their difference.
        attention: the weights of each attention layer.
        notes: caveats about the model's predictions, as in `sentiment.inference.Predictor`.
    """

    text: str
    words: list[str]
    spans: list[Span]
    known: list[bool]
    label: str
    score: float
    explained: str
    attributions: np.ndarray
    logit: float
    baseline: float
    attention: list[AttentionMap]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The prediction, and the words with the largest attributions."""
        order = np.argsort(-np.abs(self.attributions))[:LISTED]
        listed = ", ".join(f"{self.words[row]} {self.attributions[row]:+.2f}" for row in order)
        return f"{self.label} {self.score:.4f}; for {self.explained}: {listed}"

    def _repr_html_(self) -> str:
        """The prediction and its coloured words as HTML, for notebooks."""
        from sentiment.explain.page import notebook_html

        return notebook_html(self)

    @property
    def remark(self) -> str:
        """A remark if few words are known, see `sentiment.predictions.known_remark`; else empty."""
        return known_remark(float(np.mean(self.known)))

    @property
    def gap(self) -> float:
        """Absolute difference between the sum of the attributions and the difference of the logits."""
        return float(abs(self.attributions.sum() - (self.logit - self.baseline)))

    @property
    def complete(self) -> bool:
        """Whether the gap is at most 1 % of the difference of the logits, or 0.01."""
        return self.gap <= TOLERANCE * max(1.0, abs(self.logit - self.baseline))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        values = {**asdict(self), "attributions": self.attributions.tolist(), "gap": self.gap}
        values["attention"] = [{"layer": one.layer, "weights": one.weights.tolist(),
                                "matrix": None if one.matrix is None else one.matrix.tolist()}
                               for one in self.attention]
        return values


class Explainer:
    """Explainer of the predictions of a classifier, compiled once for all texts.

    A linear model over n-grams is explained by its terms, each split evenly over its words; an ensemble by the mean of
    its members' explanations; all others by integrated gradients.
    """

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self._attribute = _attribution(classifier.model)

    def explain(self, text: str, class_name: str | None = None) -> Explanation:
        """Explain the prediction for a raw text: the logit of the named class, or of the predicted one.

        Raises:
            UserError: for an unknown class.
        """
        classifier = self.classifier
        (prediction,) = classifier.predict([text])
        explained = explained_class(prediction, classifier.class_names, class_name)
        ids = classifier.preprocessor.tokenize([text]).row(0)[None, :]  # [1, words]
        target = _target(classifier.class_names.index(explained), len(classifier.class_names))
        attributions, logit, baseline = self._attribute(ids, target)
        return Explanation(text, classifier.words_read(text), classifier.spans(text),
                           [bool(one != UNKNOWN_ID) for one in ids[0]], prediction.best, prediction.score, explained,
                           attributions, logit, baseline, attention_maps(classifier.model, ids), classifier.notes)


def explain(classifier: Classifier, text: str, class_name: str | None = None) -> Explanation:
    """Explain the prediction for one text, as `Explainer` does."""
    return Explainer(classifier).explain(text, class_name)


Attribution = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, float, float]]


def _attribution(model: keras.Model) -> Attribution:
    """Return a function from ids int32 [1, words] and a target to the attributions, the logit and the baseline."""
    for layer in model.layers:
        if isinstance(layer, LinearNgrams):
            return partial(_terms, layer)
        if isinstance(layer, Ensemble):
            return partial(_of_members, layer, [_attribution(member) for member in layer.members])
    return IntegratedGradients(model)


def _of_members(ensemble: Ensemble, members: Sequence[Attribution], ids: np.ndarray, target: np.ndarray
                ) -> tuple[np.ndarray, float, float]:
    """Return the means over the members, some of which may read only a part of the words."""
    total, logits = np.zeros(ids.shape[1]), np.zeros(2)
    for lookup, attribute in zip(ensemble.lookups, members, strict=True):
        attributions, *ends = attribute(np.asarray(lookup(ids)), target)
        total[np.asarray(lookup.places(ids))[0]] += attributions
        logits += ends
    return total / len(members), float(logits[0] / len(members)), float(logits[1] / len(members))


def _target(index: int, classes: int) -> np.ndarray:
    """Return the vector whose product with the logits is the logit of one class, float32 [logits].

    With two classes, the logit of the first is the negative of the single logit.
    """
    if classes == 2:
        return np.array([1.0 if index == 1 else -1.0], np.float32)
    return np.asarray(np.eye(classes, dtype=np.float32)[index])


class IntegratedGradients:
    """Integrated gradients (Sundararajan, Taly & Yan 2017, "Axiomatic Attribution for Deep Networks").

    With e the embedded words and F the logit, the attribution of word t is

        sum_f e_tf * integral_0^1 dF(a e) / d(a e)_tf da

    and all attributions add up to F(e) - F(0). The integral is a sum over midpoints, whose number is doubled from 64
    until the gap is small, up to 1,024.

    Args:
        model: with a layer `embedded`.
    """

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        vector = tf.TensorSpec([None], tf.float32)
        self._at = tf.function(partial(self._derivatives),
                               input_signature=[tf.TensorSpec([None, None], tf.int32), vector, vector])

    def _derivatives(self, ids: Any, shares: Any, target: Any) -> tuple[Any, Any]:
        """Return F(a e), [shares], and the sum over features of e times the gradient at a e, [shares, words]."""
        seen = []

        def scaled(words: Any) -> Any:
            seen.extend([words, words * tf.cast(shares[:, None, None], words.dtype)])
            tape.watch(seen[1])
            return seen[1]

        with tf.GradientTape() as tape:
            with self.model.get_layer(EMBEDDED).changed(scaled):
                logits = self.model(tf.tile(ids, [tf.shape(shares)[0], 1]), training=False)
            values = tf.linalg.matvec(logits, target)
            total = tf.reduce_sum(values)
        return values, tf.reduce_sum(seen[0] * tape.gradient(total, seen[1]), axis=-1)

    def __call__(self, ids: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float, float]:
        """Return the attribution of each word, the logit and the baseline's logit.

        Args:
            ids: int32 [1, words].
            target: float32 [logits], the weights of the logits.
        """
        baseline, logit = (float(value) for value in self._at(ids, np.array([0.0, 1.0], np.float32), target)[0])
        steps = FIRST_STEPS
        while True:
            shares = (np.arange(steps, dtype=np.float32) + 0.5) / steps
            parts = [self._at(ids, shares[start:start + STEPS_A_PASS], target)[1]
                     for start in range(0, steps, STEPS_A_PASS)]
            attributions = np.concatenate(parts).astype(np.float64).mean(axis=0)
            gap = abs(attributions.sum() - (logit - baseline))
            if gap <= TOLERANCE * max(1.0, abs(logit - baseline)) or steps >= MOST_STEPS:
                return attributions, logit, baseline
            steps *= 2


def _terms(layer: LinearNgrams, ids: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return the contributions of the words in a linear model; a term is split evenly over its words."""
    rows, values = (np.asarray(part)[0] for part in layer.values(ids))
    kernel, bias = np.asarray(layer.kernel, np.float64), np.asarray(layer.bias, np.float64)
    parts = kernel[np.minimum(rows, layer.terms - 1)] @ target * values  # [order * words]
    words = ids.shape[1]
    attributions = np.zeros(words)
    for length in range(1, layer.order + 1):
        of_length = parts[(length - 1) * words:length * words]
        for offset in range(length):
            attributions[offset:] += of_length[:words - offset] / length
    return attributions, float(np.asarray(layer(ids), np.float64)[0] @ target), float(bias @ target)


def attention_maps(model: keras.Model, ids: np.ndarray) -> list[AttentionMap]:
    """Return the weights of all attention layers for one text, int32 [1, words]."""
    found = [layer for layer in model.layers if isinstance(layer, ATTENTION_LAYERS)]
    if not found:
        return []
    outputs = keras.Model(model.input, [layer.output[1] for layer in found])(ids, training=False)
    arrays = [np.asarray(tf.cast(output, tf.float32)) for output in tf.nest.flatten(outputs)]
    split = [layer for layer in model.layers if isinstance(layer, SplitSentences)]
    if split:  # weights of words in sentences times those of sentences, [1, 1, words]
        rows, places = (np.asarray(part)[0] for part in split[0].places(ids))
        arrays = [arrays[0][rows, 0, places][None, None, :], arrays[1][0, 0, rows][None, None, :]]
    return [_map(layer, weights) for layer, weights in zip(found, arrays, strict=True)]


def _map(layer: keras.layers.Layer, weights: np.ndarray) -> AttentionMap:
    """Return the weights of a layer for one text as an `AttentionMap`."""
    if isinstance(layer, keras.layers.MultiHeadAttention):
        matrix = weights[0]  # [heads, words, words]
    elif isinstance(layer, QueryAttention) and weights.ndim == 3:
        matrix = weights  # [1, words, words]
    else:
        return AttentionMap(layer.name, weights.reshape(-1, weights.shape[-1]))
    return AttentionMap(layer.name, matrix.mean(axis=1), matrix)
