"""Elementwise linear recurrent layers: QRNN, SRU, minGRU, minLSTM and RG-LRU.

Their gates depend on the inputs only, so the matrix products of all steps are computed at once. What remains is the
elementwise linear recurrence c_t = a_t c_(t-1) + b_t, which one function computes for all of these layers: with
TensorFlow on a CPU `sentiment.layers.tensorflow.scan.linear_recurrence`; on other backends and devices a parallel
prefix scan, `keras.ops.associative_scan`, for which the number of steps must be known. Where it is not, a GPU computes
the former, and a TPU Keras's own loop.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from sentiment.layers.embedding import origin
from sentiment.layers.fused import checked, loops_are_replaced, on_gpu, on_tpu

POOLINGS = {"f": 2, "fo": 3, "ifo": 4}  # pooling of the QRNN: number of its projections
LARGEST_WINDOW = 3
TINY = 1e-30  # added to a denominator f + i; sigmoid(-69) is larger
EXPONENT = 8.0  # c in a = sigmoid(decay)^(c r) of the RG-LRU
ROOT_EPSILON = 1e-12  # added to the argument of a square root, whose derivative at 0 is infinite


class ScanCell(keras.layers.Layer):
    """Cell of an elementwise linear recurrence: c_t = a_t c_(t-1) + b_t and h_t = output(c_t).

    The coefficients a_t and b_t and the output are elementwise functions of a list of arguments, the parts: the
    activated projections of the inputs (gates and candidates), then `unprojected`, `noise` and `parameters`.

    Args:
        units: number of features of the state.
        use_bias: whether the projections have a bias.
        kernel_initializer, bias_initializer: of the projections, as in Keras.
        name, trainable, dtype: as for any Keras layer.

    Attributes:
        activations: of the projections, each [..., units]: sigmoid, tanh or linear.
        has_output_gate: whether the output h differs from the state c.
        window: number of inputs that a step reads: its own and the preceding ones.
        state_size: [units], and with a window of several inputs [units, (window - 1) * features], known once the cell
            is built.
    """

    activations: tuple[str, ...]
    has_output_gate: bool = True
    window: int = 1

    def __init__(self, units: int, *, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", name: str | None = None, trainable: bool = True, dtype: Any = None
                 ) -> None:
        super().__init__(name=name, trainable=trainable, dtype=dtype)
        self.units = self.output_size = _whole("units", units)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)

    @property
    def state_size(self) -> list[int]:
        """Number of features of each state."""
        return self.sizes(getattr(self, "features", 0))

    def sizes(self, features: int) -> list[int]:
        """Return the number of features of each state for inputs of a number of features."""
        return [self.units] if self.window == 1 else [self.units, (self.window - 1) * features]

    def build(self, input_shape: Any) -> None:
        """Create the kernel [window * features, projections * units] and the bias [projections * units]."""
        self.features = int(input_shape[-1])
        width = len(self.activations) * self.units
        self.kernel = self.add_weight(shape=(self.window * self.features, width), name="kernel",
                                      initializer=self.kernel_initializer)
        self.bias = self.add_weight(shape=(width,), name="bias", initializer=self.initial_bias
                                    ) if self.use_bias else None

    def initial_bias(self, shape: Any, dtype: Any = None) -> Any:
        """Return the initial bias, of shape [projections * units]."""
        return self.bias_initializer(shape, dtype)

    def parts(self, windows: Any, training: bool = False) -> list[Any]:
        """Return the arguments of the elementwise functions, from inputs [..., window * features].

        They are float32, or float64 for float64 inputs.
        """
        projected = ops.cast(ops.matmul(windows, ops.cast(self.kernel, windows.dtype)), _state_dtype(windows.dtype))
        projected = projected if self.bias is None else ops.add(projected, ops.cast(self.bias, projected.dtype))
        activated = [getattr(ops, activation)(values) if activation != "linear" else values for activation, values in
                     zip(self.activations, ops.split(projected, len(self.activations), axis=-1), strict=True)]
        noise = self.noise(ops.shape(activated[0]), projected.dtype, training)
        further = [*self.unprojected(windows), *noise, *self.parameters()]
        return [*activated, *(ops.cast(values, projected.dtype) for values in further)]

    def unprojected(self, windows: Any) -> list[Any]:
        """Return inputs [..., units] that the elementwise functions use without a projection."""
        return []

    def noise(self, shape: Any, dtype: Any, training: bool) -> list[Any]:
        """Return random arguments of shape [..., units]."""
        return []

    def parameters(self) -> list[Any]:
        """Return weights [units] that the elementwise functions use."""
        return []

    @abstractmethod
    def coefficients(self, parts: Sequence[Any]) -> tuple[Any, Any]:
        """Return the coefficients a and b of the recurrence."""

    def output(self, state: Any, parts: Sequence[Any]) -> Any:
        """Return the output h of a state c."""
        return state

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Return zeros, float [batch, size] each."""
        return [ops.zeros((batch_size, size), self.compute_dtype) for size in self.state_size]

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, list[Any]]:
        """Compute one step, from inputs [batch, features] and states to h [batch, units] and the next states."""
        state, *before = states
        windows = ops.concatenate([*before, inputs], axis=-1) if before else inputs
        parts = self.parts(windows, training)
        factor, term = self.coefficients(parts)
        state = factor * ops.cast(state, factor.dtype) + term
        following = [windows[:, self.features:]] if before else []
        return ops.cast(self.output(state, parts), inputs.dtype), [ops.cast(state, inputs.dtype), *following]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "units": self.units, "use_bias": self.use_bias,
                "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
                "bias_initializer": keras.initializers.serialize(self.bias_initializer)}


class ForgetGateCell(ScanCell):
    """Cell with a forget gate, whose initial bias may be 1.

    Args:
        units: number of features of the state.
        unit_forget_bias: whether 1 is added to the gate's initial bias, as in `keras.layers.LSTM`, so that untrained
            gates keep sigmoid(1) = 0.73 of the state at each step instead of 0.5 (Jozefowicz, Zaremba & Sutskever 2015,
            "An Empirical Exploration of Recurrent Network Architectures").
        kwargs: of `ScanCell`.

    Attributes:
        forget_index: index of the gate among the projections.
        forget_sign: 1, or -1 for an update gate, which keeps the state where it is small.
    """

    forget_index = 1
    forget_sign = 1

    def __init__(self, units: int, *, unit_forget_bias: bool = True, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.unit_forget_bias = unit_forget_bias

    def initial_bias(self, shape: Any, dtype: Any = None) -> Any:
        """Return the initial bias, of shape [projections * units]."""
        added = np.zeros((len(self.activations), self.units), "float32")
        added[self.forget_index] = self.forget_sign if self.unit_forget_bias else 0
        return super().initial_bias(shape, dtype) + ops.cast(added.reshape(shape), dtype or "float32")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "unit_forget_bias": self.unit_forget_bias}


class QRNNCell(ForgetGateCell):
    """Cell of `QRNN`."""

    def __init__(self, units: int, *, window: int = 2, pooling: str = "fo", zoneout: float = 0.0,
                 seed: int | None = None, **kwargs: Any) -> None:
        if pooling not in tuple(POOLINGS):
            raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, not {pooling!r}")
        if not isinstance(zoneout, int | float) or not 0 <= zoneout < 1:
            raise ValueError(f"zoneout must be at least 0 and below 1, not {zoneout!r}")
        super().__init__(units, **kwargs)
        self.window = _whole("window", window, LARGEST_WINDOW)
        self.pooling, self.zoneout, self.seed = pooling, zoneout, seed
        self.activations = ("tanh", "sigmoid", "sigmoid", "sigmoid")[:POOLINGS[pooling]]
        self.has_output_gate = pooling != "f"
        self.seed_generator = keras.random.SeedGenerator(seed)

    def noise(self, shape: Any, dtype: Any, training: bool) -> list[Any]:
        """Return the zoneout mask: 0 for each unit that keeps its state, 1 for the others; nothing without zoneout."""
        if not training or not self.zoneout:
            return []
        dropped = keras.random.dropout(ops.ones(shape, dtype), self.zoneout, seed=self.seed_generator)
        return [ops.cast(dropped > 0, dtype)]

    def coefficients(self, parts: Sequence[Any]) -> tuple[Any, Any]:
        """Return f and (1 - f) z, or i z."""
        count = POOLINGS[self.pooling]
        candidate, forget = parts[:2]
        if len(parts) > count:
            forget = 1 - parts[count] * (1 - forget)
        return forget, (parts[3] if self.pooling == "ifo" else 1 - forget) * candidate

    def output(self, state: Any, parts: Sequence[Any]) -> Any:
        """Return o c, or c."""
        return parts[2] * state if self.has_output_gate else state

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "window": self.window, "pooling": self.pooling, "zoneout": self.zoneout,
                "seed": self.seed}


class SRUCell(ForgetGateCell):
    """Cell of `SRU`."""

    activations: tuple[str, ...] = ("linear", "sigmoid", "sigmoid")

    def build(self, input_shape: Any) -> None:
        """Create the weights, with a fourth projection for the highway if the inputs differ in size from the state."""
        if input_shape[-1] != self.units:
            self.activations = (*SRUCell.activations, "linear")
        super().build(input_shape)

    def unprojected(self, windows: Any) -> list[Any]:
        """Return the inputs of the highway connection if they have the size of the state."""
        return [windows] if len(self.activations) == 3 else []

    def coefficients(self, parts: Sequence[Any]) -> tuple[Any, Any]:
        """Return f and (1 - f) z."""
        return parts[1], (1 - parts[1]) * parts[0]

    def output(self, state: Any, parts: Sequence[Any]) -> Any:
        """Return r c + (1 - r) x."""
        return parts[3] + parts[2] * (state - parts[3])


class MinGRUCell(ForgetGateCell):
    """Cell of `MinGRU`."""

    activations, has_output_gate = ("sigmoid", "linear"), False
    forget_index, forget_sign = 0, -1

    def coefficients(self, parts: Sequence[Any]) -> tuple[Any, Any]:
        """Return 1 - z and z g."""
        return 1 - parts[0], parts[0] * parts[1]


class MinLSTMCell(ForgetGateCell):
    """Cell of `MinLSTM`."""

    activations, has_output_gate = ("sigmoid", "sigmoid", "linear"), False
    forget_index = 0

    def coefficients(self, parts: Sequence[Any]) -> tuple[Any, Any]:
        """Return f / (f + i) and i g / (f + i)."""
        forget, input_gate, candidate = parts
        share = forget / (forget + input_gate + TINY)
        return share, (1 - share) * candidate


class RGLRUCell(ScanCell):
    """Cell of `RGLRU`."""

    activations, has_output_gate = ("linear", "sigmoid", "sigmoid"), False

    def build(self, input_shape: Any) -> None:
        """Create the weights; with r = 1 an untrained layer keeps 0.9 to 0.999 of the state at each step."""
        super().build(input_shape)

        def initial_decay(shape: Any, dtype: Any = None) -> Any:
            decay = keras.initializers.RandomUniform(0.9, 0.999)(shape, dtype) ** (1 / EXPONENT)
            return ops.log(decay / (1 - decay))

        self.decay = self.add_weight(shape=(self.units,), name="decay", initializer=initial_decay)

    def parameters(self) -> list[Any]:
        """Return the decay."""
        return [self.decay]

    def coefficients(self, parts: Sequence[Any]) -> tuple[Any, Any]:
        """Return a and sqrt(1 - a^2) i x."""
        candidate, recurrence_gate, input_gate, decay = parts
        log_a = -EXPONENT * ops.softplus(-decay) * recurrence_gate
        a = ops.exp(log_a)
        complement = ops.tanh(-log_a) * (1 + a * a)  # 1 - a^2, without cancellation where a is near 1
        return a, ops.sqrt(complement + ROOT_EPSILON) * input_gate * candidate


def _whole(name: str, value: Any, most: int | None = None) -> int:
    """Return a whole number of at least 1 and at most `most`.

    Raises:
        ValueError: for anything else.
    """
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not 1 <= value <= (most or value):
        limits = f"from 1 to {most}" if most else "of at least 1"
        raise ValueError(f"{name} must be a whole number {limits}, not {value!r}")
    return int(value)


def _state_dtype(dtype: Any) -> str:
    """Return the dtype of states and elementwise functions: float32, or float64 for float64."""
    return "float64" if keras.backend.standardize_dtype(dtype) == "float64" else "float32"


class ScanRNN(keras.layers.RNN):
    """Base class of the recurrent layers of this module, which run a `ScanCell` over a sequence.

    Args:
        units: number of features of the state and of the output.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask: as for `keras.layers.LSTM`.
        name, trainable, dtype, activity_regularizer: as for any Keras layer.
        kwargs: of the cell: `use_bias`, `kernel_initializer`, `bias_initializer`, `unit_forget_bias` (not for `RGLRU`)
            and its own.

    Call arguments:
        sequences: float [batch, time, features].
        initial_state: c, float [batch, units], and for a `QRNN` with a window of several inputs also the inputs before
            the first, the oldest first, float [batch, (window - 1) * features]; zeros if omitted.
        mask: bool [batch, time]; masked steps are skipped.
        training: whether zoneout applies.

    Returns:
        The last output, float [batch, units]; with `return_sequences` all outputs, [batch, time, units]; with
        `return_state` also the final states.
    """

    cell_type: type[ScanCell]

    def __init__(self, units: int, *, return_sequences: bool = False, return_state: bool = False,
                 go_backwards: bool = False, stateful: bool = False, zero_output_for_mask: bool = False,
                 name: str | None = None, trainable: bool = True, dtype: Any = None, activity_regularizer: Any = None,
                 **kwargs: Any) -> None:
        cell = self.cell_type(units, dtype=dtype, trainable=trainable, **kwargs)
        super().__init__(cell, return_sequences=return_sequences, return_state=return_state, go_backwards=go_backwards,
                         stateful=stateful, zero_output_for_mask=zero_output_for_mask, name=name, trainable=trainable,
                         dtype=dtype, activity_regularizer=activity_regularizer)
        self.units = self.cell.units

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Create the weights; the size of the window's state depends on the number of features."""
        super().build(sequences_shape, initial_state_shape)
        self.state_size = self.cell.state_size

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        """Return the shape of the outputs, and with `return_state` those of the states."""
        self.state_size = self.cell.sizes(sequences_shape[-1])
        return super().compute_output_shape(sequences_shape, initial_state_shape)

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Return the last output, all outputs and the last states."""
        initial_state, mask = checked(self, sequences, initial_state, mask)
        options = {"go_backwards": self.go_backwards, "zero_output_for_mask": self.zero_output_for_mask,
                   "training": bool(training)}
        tensorflow = keras.backend.backend() == "tensorflow"
        if tensorflow and loops_are_replaced():
            from sentiment.layers.tensorflow.scan import exportable_recurrence

            outputs, states = exportable_recurrence(self.cell, sequences, mask, initial_state,
                                                    go_backwards=self.go_backwards)
            return outputs[:, -1], outputs, states
        if tensorflow and sequences.shape[1] is None and on_tpu():  # XLA allows no lists of unknown length
            return super().inner_loop(sequences, initial_state, mask, training)
        if tensorflow and (sequences.shape[1] is None or not (on_gpu() or on_tpu())):
            from sentiment.layers.tensorflow.scan import linear_recurrence

            outputs, states = linear_recurrence(
                self.cell, sequences, mask, initial_state, return_sequences=self.return_sequences,
                return_state=self.return_state or self.stateful, embedded=origin(sequences), **options)
        else:
            outputs, states = _associative_recurrence(self.cell, sequences, mask, initial_state, **options)
            outputs = outputs if self.return_sequences else outputs[:, -1]
        return (outputs[:, -1], outputs, states) if self.return_sequences else (outputs, outputs[:, None], states)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        config = super().get_config()
        del config["cell"], config["unroll"]
        return {**self.cell.get_config(), **config}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "ScanRNN":
        """Build the layer from `get_config`."""
        return cls(**config)


def _associative_recurrence(cell: ScanCell, inputs: Any, mask: Any, states: Sequence[Any], *, go_backwards: bool,
                            zero_output_for_mask: bool, training: bool) -> tuple[Any, list[Any]]:
    """Compute a linear recurrence by a parallel prefix scan, on any backend (Blelloch 1990, "Prefix Sums").

    Arguments as for `sentiment.layers.tensorflow.scan.linear_recurrence`.

    Returns:
        Outputs [batch, time, units] and the final states, in the dtype of the inputs.
    """
    batch, time, features = ops.shape(inputs)
    inputs = ops.flip(inputs, axis=1) if go_backwards else inputs
    if mask is None:
        lengths = ops.full((batch,), time, "int32")
    else:  # real words to the front
        mask = ops.flip(mask, axis=1) if go_backwards else mask
        place = ops.arange(time, dtype="int32")
        order = ops.argsort(ops.where(mask, place, place + time), axis=1)
        inputs, lengths = ops.take_along_axis(inputs, order[:, :, None], axis=1), ops.sum(ops.cast(mask, "int32"), 1)
    read, before = inputs, cell.window - 1
    if before:
        read = ops.concatenate([ops.reshape(states[1], (batch, before, features)), inputs], axis=1)
        inputs = ops.concatenate([read[:, place:place + time] for place in range(cell.window)], axis=-1)
    parts = cell.parts(inputs, training)
    start = ops.cast(states[0], parts[0].dtype)[:, None]
    factors, terms = ops.associative_scan(_compose, cell.coefficients(parts), axis=1)
    scanned = ops.reshape(factors * start + terms, (-1, time, cell.units))  # whose rank TensorFlow may not know
    outputs = cell.output(scanned, parts)
    if mask is not None:
        seen = ops.cumsum(ops.cast(mask, "int32"), axis=1)[:, :, None]
        outputs = ops.take_along_axis(outputs, ops.maximum(seen - 1, 0), axis=1)
        shown = mask[:, :, None] if zero_output_for_mask else seen > 0
        outputs = ops.where(shown, outputs, ops.zeros_like(outputs))
    last = ops.take_along_axis(ops.concatenate([start, scanned], axis=1), lengths[:, None, None], axis=1)[:, 0]
    finals = [ops.cast(last, inputs.dtype)]
    if before:
        places = lengths[:, None] + ops.arange(before, dtype="int32")
        finals.append(ops.reshape(ops.take_along_axis(read, places[:, :, None], axis=1), (batch, before * features)))
    return ops.cast(outputs, inputs.dtype), finals


def _compose(first: tuple[Any, Any], second: tuple[Any, Any]) -> tuple[Any, Any]:
    """Return the composition of two affine steps c -> a c + b, each a pair (a, b)."""
    return second[0] * first[0], second[0] * first[1] + second[1]


@keras.saving.register_keras_serializable("sentiment")
class QRNN(ScanRNN):
    """Quasi-recurrent network (Bradbury, Merity, Xiong & Socher 2017, "Quasi-Recurrent Neural Networks").

        z, f, o, i = tanh(W_z x + b_z), sigmoid(W_f x + b_f), sigmoid(W_o x + b_o), sigmoid(W_i x + b_i)
        f-pooling:    h_t = f h_(t-1) + (1 - f) z
        fo-pooling:   c_t = f c_(t-1) + (1 - f) z;  h_t = o c_t
        ifo-pooling:  c_t = f c_(t-1) + i z;        h_t = o c_t

    x is the concatenation of the last `window` inputs, without masked ones and with zeros before the first: a causal
    convolution. Zoneout (Krueger et al. 2017): in training, each unit at each step keeps its state with a given
    probability, f = 1.

    Args:
        units: number of features of the state.
        window: number of inputs that a step reads, 1 to 3.
        pooling: f, fo or ifo.
        zoneout: probability of zoneout, from 0 to below 1.
        seed: of zoneout.
        kwargs, call arguments, return value: as for `ScanRNN`.

    Example:
        >>> import numpy as np
        >>> from sentiment.layers import QRNN
        >>> QRNN(4, window=3, return_sequences=True)(np.ones((2, 5, 3), "float32")).shape
        TensorShape([2, 5, 4])
    """

    cell_type = QRNNCell


@keras.saving.register_keras_serializable("sentiment")
class SRU(ScanRNN):
    """Simple recurrent unit (Lei et al. 2018, "Simple Recurrent Units for Highly Parallelizable Recurrence").

        f, r = sigmoid(W_f x_t + b_f), sigmoid(W_r x_t + b_r)
        c_t = f c_(t-1) + (1 - f) (W x_t + b);  h_t = r c_t + (1 - r) x_t

    The paper's v_f and v_r are omitted: they make the gates depend on c_(t-1), so the recurrence would not be linear.
    If the inputs differ in size from the state, a fourth part of the kernel projects x_t for the highway connection.

    Args:
        units: number of features of the state.
        kwargs, call arguments, return value: as for `ScanRNN`.

    Example:
        >>> import numpy as np
        >>> from sentiment.layers import SRU
        >>> SRU(4, return_sequences=True)(np.ones((2, 5, 3), "float32")).shape
        TensorShape([2, 5, 4])
    """

    cell_type = SRUCell


@keras.saving.register_keras_serializable("sentiment")
class MinGRU(ScanRNN):
    """Minimal GRU, minGRU (Feng, Tung, Ahmed, Bengio & Hajimirsadeghi 2024, "Were RNNs All We Needed?").

        z = sigmoid(W_z x_t + b_z);  h_t = (1 - z) h_(t-1) + z (W_h x_t + b_h)

    Args:
        units: number of features of the state.
        kwargs, call arguments, return value: as for `ScanRNN`.

    Example:
        >>> import numpy as np
        >>> from sentiment.layers import MinGRU
        >>> MinGRU(4)(np.ones((2, 5, 3), "float32")).shape
        TensorShape([2, 4])
    """

    cell_type = MinGRUCell


@keras.saving.register_keras_serializable("sentiment")
class MinLSTM(ScanRNN):
    """Minimal LSTM, minLSTM (Feng, Tung, Ahmed, Bengio & Hajimirsadeghi 2024, "Were RNNs All We Needed?").

        f, i = sigmoid(W_f x_t + b_f), sigmoid(W_i x_t + b_i)
        h_t = f / (f + i) h_(t-1) + i / (f + i) (W_h x_t + b_h)

    Args:
        units: number of features of the state.
        kwargs, call arguments, return value: as for `ScanRNN`.

    Example:
        >>> import numpy as np
        >>> from sentiment.layers import MinLSTM
        >>> MinLSTM(4)(np.ones((2, 5, 3), "float32")).shape
        TensorShape([2, 4])
    """

    cell_type = MinLSTMCell


@keras.saving.register_keras_serializable("sentiment")
class RGLRU(ScanRNN):
    """Real-gated linear recurrent unit, RG-LRU, with full instead of block-diagonal kernels.

    Source: De et al. 2024, "Griffin: Mixing Gated Linear Recurrences with Local Attention for Efficient Language
    Models".

        r, i = sigmoid(W_r x_t + b_r), sigmoid(W_i x_t + b_i);  a = sigmoid(decay)^(8 r)
        h_t = a h_(t-1) + sqrt(1 - a^2) i (W x_t + b)

    `decay` [units] is a weight, initialised so that a is 0.9 to 0.999 where r = 1.

    Args:
        units: number of features of the state.
        kwargs, call arguments, return value: as for `ScanRNN`.

    Example:
        >>> import numpy as np
        >>> from sentiment.layers import RGLRU
        >>> RGLRU(4, return_sequences=True)(np.ones((2, 5, 3), "float32")).shape
        TensorShape([2, 5, 4])
    """

    cell_type = RGLRUCell
