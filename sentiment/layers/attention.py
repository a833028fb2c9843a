"""Attention layers: scores of a query over a sequence, a softmax, a weighted sum.

All layers have this form. With a query q and the values h_1 .. h_n (the real steps),

    a_s = softmax_s(score(q, h_s)),    c = sum_s a_s h_s,

and they differ in the score. `c` is the context vector, `a` the attention weights.
"""

from typing import Any

import keras
from keras import ops

from sentiment.layers.masking import all_real, masked_softmax, single_or_better


class QueryAttention(keras.layers.Layer):
    """Base class of the attention layers; a subclass defines `scores`.

    Call arguments:
        query: float [batch, features] (one query per text) or [batch, queries, features].
        values: float [batch, time, features].
        values_mask: bool [batch, time], true at real steps; None if all are real. Keras passes it automatically.

    Returns:
        The context float [batch, features] or [batch, queries, features] and the weights float
        [batch, time] or [batch, queries, time]; the weights of a query add up to 1, or to 0 where a row has
        no real step.
    """

    def kernel(self, name: str, rows: int, columns: int) -> Any:
        """Add a trainable matrix [rows, columns]."""
        return self.add_weight(shape=(rows, columns), name=name, initializer="glorot_uniform")

    def scores(self, query: Any, values: Any) -> Any:
        """Return the score of each value for each query [batch, queries, features], float [batch, queries, time]."""
        raise NotImplementedError

    def additive(self, query: Any, values: Any, query_kernel: Any, value_kernel: Any, score_kernel: Any) -> Any:
        """Return v . tanh(W q + U h), float [batch, queries, time]."""
        queries = ops.matmul(query, query_kernel)[:, :, None, :]  # [batch, queries, 1, units]
        keys = ops.matmul(values, value_kernel)[:, None, :, :]  # [batch, 1, time, units]
        return ops.matmul(ops.tanh(queries + keys), score_kernel)[..., 0]

    def weights_of(self, query: Any, values: Any, mask: Any) -> Any:
        """Return the attention weights float [batch, queries, time]."""
        return masked_softmax(self.scores(query, values), ops.expand_dims(mask, 1))

    def call(self, query: Any, values: Any, values_mask: Any = None) -> tuple[Any, Any]:
        """Return context and weights; see the class."""
        single = len(query.shape) == 2
        if single:
            query = query[:, None, :]  # [batch, 1, features]
        mask = all_real(values) if values_mask is None else values_mask
        weights = ops.cast(self.weights_of(query, values, mask), values.dtype)  # [batch, queries, time]
        context = ops.matmul(weights, values)  # [batch, queries, features]
        return (context[:, 0, :], weights[:, 0, :]) if single else (context, weights)

    def compute_mask(self, query: Any, previous_mask: Any = None) -> Any:
        """Pass the query's mask on to the context."""
        return None if previous_mask is None else [previous_mask, None]


class ProjectedAttention(QueryAttention):
    """Base class of attention with projected queries W q and projected keys U h.

    Args:
        units: the features of the projections.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, query_shape: Any, values_shape: Any) -> None:
        """Create W and U."""
        self.query_kernel = self.kernel("query_kernel", query_shape[-1], self.units)
        self.key_kernel = self.kernel("key_kernel", values_shape[-1], self.units)

    def projected(self, query: Any, values: Any) -> tuple[Any, Any]:
        """Return W q [batch, queries, units] and U h [batch, time, units], both in float32 or better."""
        return (single_or_better(ops.matmul(query, self.query_kernel)),
                single_or_better(ops.matmul(values, self.key_kernel)))


@keras.saving.register_keras_serializable("sentiment")
class AdditiveAttention(ProjectedAttention):
    """Additive attention: score(q, h) = v . tanh(W q + U h).

    Bahdanau, Cho & Bengio 2015, "Neural Machine Translation by Jointly Learning to Align and Translate".

    Args:
        units: the features of the hidden layer, rows of v.
    """

    def build(self, query_shape: Any, values_shape: Any) -> None:
        """Create W, U and v."""
        super().build(query_shape, values_shape)
        self.score_kernel = self.kernel("score_kernel", self.units, 1)

    def scores(self, query: Any, values: Any) -> Any:
        """See the class."""
        return self.additive(query, values, self.query_kernel, self.key_kernel, self.score_kernel)


@keras.saving.register_keras_serializable("sentiment")
class DotProductAttention(QueryAttention):
    """Scaled dot product: score(q, h) = q . h / sqrt(features) (Vaswani et al. 2017, "Attention Is All You Need")."""

    def scores(self, query: Any, values: Any) -> Any:
        """See the class."""
        return ops.matmul(query, ops.transpose(values, (0, 2, 1))) / float(values.shape[-1]) ** 0.5


@keras.saving.register_keras_serializable("sentiment")
class LuongAttention(QueryAttention):
    """Global and local attention.

    Luong, Pham & Manning 2015, "Effective Approaches to Attention-based Neural Machine Translation". The score of a
    query q and a value h is

    - `dot`: q . h;
    - `general`: q . (W h);
    - `concat`: v . tanh(W [q; h]).

    The positions attended to are

    - `global`: all real steps;
    - `local-m` (monotonic): the steps s with |s - p| <= D around the query's own step p; it needs a query for
      each step;
    - `local-p` (predictive): the same window around p = n sigmoid(v_p . tanh(W_p q)), where n is the number of
      real steps, and the weights, normalised within the window, are multiplied by
      exp(-(s - p)^2 / (2 sigma^2)) with sigma = D / 2; so they add up to less than 1. Steps count from 0.

    Args:
        score: `dot`, `general` or `concat`.
        place: `global`, `local-m` or `local-p`.
        half_width: D, in steps.
    """

    SCORES = ("dot", "general", "concat")
    PLACES = ("global", "local-m", "local-p")

    def __init__(self, score: str = "general", place: str = "global", half_width: int = 10, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if score not in self.SCORES or place not in self.PLACES:
            raise ValueError(f"score must be one of {', '.join(self.SCORES)} and place one of "
                             f"{', '.join(self.PLACES)}, not '{score}' and '{place}'")
        self.score = score
        self.place = place
        self.half_width = half_width

    def build(self, query_shape: Any, values_shape: Any) -> None:
        """Create the kernels of the score and of the position."""
        features, width = query_shape[-1], values_shape[-1]
        if self.score == "general":
            self.score_kernel = self.kernel("score_kernel", width, features)
        elif self.score == "concat":
            self.query_kernel = self.kernel("query_kernel", features, features)
            self.value_kernel = self.kernel("value_kernel", width, features)
            self.score_kernel = self.kernel("score_kernel", features, 1)
        if self.place == "local-p":
            self.position_kernel = self.kernel("position_kernel", features, features)
            self.position_score_kernel = self.kernel("position_score_kernel", features, 1)

    def scores(self, query: Any, values: Any) -> Any:
        """See the class."""
        if self.score == "concat":  # W [q; h] is W_q q + W_h h
            return self.additive(query, values, self.query_kernel, self.value_kernel, self.score_kernel)
        keys = ops.matmul(values, self.score_kernel) if self.score == "general" else values
        return ops.matmul(query, ops.transpose(keys, (0, 2, 1)))

    def centres(self, query: Any, mask: Any) -> Any:
        """Return the centre of each query's window in steps, float [batch or 1, queries, 1]."""
        if self.place == "local-m":
            return ops.cast(ops.arange(ops.shape(query)[1]), "float32")[None, :, None]
        hidden = ops.tanh(ops.matmul(query, self.position_kernel))
        share = ops.sigmoid(single_or_better(ops.matmul(hidden, self.position_score_kernel)))
        return share * ops.sum(ops.cast(mask, share.dtype), axis=1)[:, None, None]

    def weights_of(self, query: Any, values: Any, mask: Any) -> Any:
        """See the class."""
        if self.place == "global":
            return super().weights_of(query, values, mask)
        centres = self.centres(query, mask)
        away = ops.cast(ops.arange(ops.shape(values)[1]), centres.dtype)[None, None, :] - centres
        near = ops.logical_and(ops.abs(away) <= self.half_width, ops.expand_dims(mask, 1))
        weights = masked_softmax(self.scores(query, values), near)
        if self.place == "local-m":
            return weights
        sigma = self.half_width / 2
        return weights * ops.cast(ops.exp(-ops.square(away) / (2 * sigma**2)), weights.dtype)


@keras.saving.register_keras_serializable("sentiment")
class CosineAttention(ProjectedAttention):
    """Cosine attention: score(q, h) = b cos(W q, U h), with a trained scale b that starts at 10.

    Graves, Wayne & Danihelka 2014, "Neural Turing Machines", content-based addressing.

    Args:
        units: the features of the projections.
    """

    START = 10.0

    def build(self, query_shape: Any, values_shape: Any) -> None:
        """Create W, U and b."""
        super().build(query_shape, values_shape)
        self.strength = self.add_weight(shape=(), name="strength",
                                        initializer=keras.initializers.Constant(self.START))

    def scores(self, query: Any, values: Any) -> Any:
        """See the class."""
        queries, keys = (ops.normalize(part, axis=-1, order=2) for part in self.projected(query, values))
        cosines = ops.matmul(queries, ops.transpose(keys, (0, 2, 1)))
        return ops.cast(self.strength, cosines.dtype) * cosines


@keras.saving.register_keras_serializable("sentiment")
class EuclideanAttention(ProjectedAttention):
    """Euclidean attention: score(q, h) = -|W q - U h|^2 / sqrt(units).

    Kim, Papamakarios & Mnih 2021, "The Lipschitz Constant of Self-Attention", L2 attention.

    Args:
        units: the features of the projections.
    """

    def scores(self, query: Any, values: Any) -> Any:
        """See the class."""
        queries, keys = self.projected(query, values)
        products = ops.matmul(queries, ops.transpose(keys, (0, 2, 1)))
        lengths = ops.sum(ops.square(queries), axis=-1)[:, :, None] + ops.sum(ops.square(keys), axis=-1)[:, None, :]
        return (2 * products - lengths) / self.units**0.5


@keras.saving.register_keras_serializable("sentiment")
class SelfAttentivePooling(keras.layers.Layer):
    """Self-attentive pooling of a sequence into one or several weighted sums (hops).

    With H [time, features] the states of the real steps, A = softmax(V tanh(W H^T)) over time, one row per hop,
    and the result is A H, its rows concatenated (Lin et al. 2017, "A Structured Self-attentive Sentence
    Embedding", without bias). The penalty, penalty * |A A^T - I|_F^2 averaged over the batch, is added to the
    loss in training, so that hops look at different words. With one hop and a bias b, V tanh(W h + b), it is the
    attention with a context vector of Yang et al. 2016.

    Args:
        units: the rows of W.
        hops: the rows of A.
        penalty: the weight of the penalty.
        use_bias: whether a bias is added to W h.

    Call arguments:
        inputs: float [batch, time, features].
        mask: bool [batch, time], true at real steps; None if all are real.

    Returns:
        float [batch, hops * features], and the weights float [batch, hops, time].
    """

    def __init__(self, units: int, hops: int = 1, penalty: float = 0.0, use_bias: bool = False,
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.hops = hops
        self.penalty = penalty
        self.use_bias = use_bias

    def build(self, inputs_shape: Any) -> None:
        """Create W, V and b."""
        self.hidden_kernel = self.add_weight(shape=(inputs_shape[-1], self.units), name="hidden_kernel")
        self.hop_kernel = self.add_weight(shape=(self.units, self.hops), name="hop_kernel")
        self.bias = self.add_weight(shape=(self.units,), name="bias", initializer="zeros") if self.use_bias else None

    def call(self, inputs: Any, mask: Any = None, training: bool = False) -> tuple[Any, Any]:
        """Pool; see the class."""
        mask = all_real(inputs) if mask is None else mask
        hidden = ops.matmul(inputs, self.hidden_kernel)  # [batch, time, units]
        hidden = ops.tanh(hidden if self.bias is None else hidden + self.bias)
        scores = ops.matmul(ops.transpose(self.hop_kernel), ops.transpose(hidden, (0, 2, 1)))  # [batch, hops, time]
        weights = masked_softmax(scores, ops.expand_dims(mask, 1))
        if training and self.penalty:
            self.add_loss(self.penalty * self._overlap(single_or_better(weights)))
        sums = ops.matmul(weights, inputs)  # [batch, hops, features]
        return ops.reshape(sums, (-1, self.hops * inputs.shape[-1])), weights

    def _overlap(self, weights: Any) -> Any:
        """Return the mean over the batch of the squared Frobenius norm of A A^T - I."""
        products = ops.matmul(weights, ops.transpose(weights, (0, 2, 1)))
        return ops.mean(ops.sum(ops.square(products - ops.eye(self.hops, dtype=products.dtype)), axis=(1, 2)))

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Return None, because the output has no time axis."""
        return
