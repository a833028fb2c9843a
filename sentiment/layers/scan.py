"""Linear recurrences with elementwise state transitions: QRNN, SRU, minGRU, minLSTM and RG-LRU.

Gates depend only on the inputs, so all matrix products are computed for the whole sequence at once. The remaining
elementwise recurrence c_t = a_t c_(t-1) + b_t is computed by one function for all of these layers: on a CPU with
TensorFlow `sentiment.layers.tensorflow.scan`, and on other backends and devices `keras.ops.associative_scan`, for which
the number of steps must be known; where it is not, the former on a GPU, and Keras's own loop on a TPU.
"""

from abc import abstractmethod
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import keras
import numpy as np
from keras import ops

from sentiment.layers.embedding import origin
from sentiment.layers.fused import checked, loops_are_replaced, on_gpu, on_tpu

POOLINGS = {"f": 2, "fo": 3, "ifo": 4}
LARGEST_WINDOW = 3
TINY = 1e-30  # added to a denominator; below the sigmoid of -69
EXPONENT = 8.0  # c of the RG-LRU
NARROW = 1e-12  # added under a root, whose slope at 0 is infinite


class ScanCell(keras.layers.Layer):
    """Cell of a linear recurrence: c_t = a_t c_(t-1) + b_t and h_t = output(c_t).

    a_t, b_t and the output are elementwise functions of parts: activated linear functions of the inputs, then `others`,
    `noise` and `parameters`.

    Args:
        units: features of the state.
        use_bias: whether the parts have a bias.
        kernel_initializer, bias_initializer: of the parts, as in Keras.
        name, trainable, dtype: as for any Keras layer.

    Attributes:
        activations: of the parts, each [..., units], that the kernel makes of the inputs: sigmoid, tanh or linear.
        gated: whether the output differs from the state.
        window: inputs that a step reads: its own and those before it.
        state_size: units, and with a window (window - 1) * features, known once it is built.
    """

    activations: tuple[str, ...]
    gated: bool = True
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
        """Features of each state."""
        return self.sizes(getattr(self, "features", 0))

    def sizes(self, features: int) -> list[int]:
        """Return the features of each state for inputs of a number of features."""
        return [self.units] if self.window == 1 else [self.units, (self.window - 1) * features]

    def build(self, input_shape: Any) -> None:
        """Create kernel [window * features, parts * units] and bias [parts * units]."""
        self.features = int(input_shape[-1])
        width = len(self.activations) * self.units
        self.kernel = self.add_weight(shape=(self.window * self.features, width), name="kernel",
                                      initializer=self.kernel_initializer)
        self.bias = self.add_weight(shape=(width,), name="bias", initializer=self.initial_bias
                                    ) if self.use_bias else None

    def initial_bias(self, shape: Any, dtype: Any = None) -> Any:
        """Return the initial bias, of a shape [parts * units]."""
        return self.bias_initializer(shape, dtype)

    def parts(self, windows: Any, training: bool = False) -> list[Any]:
        """Return the arguments of the elementwise functions from inputs [..., window * features]; they are wide."""
        projected = ops.cast(ops.matmul(windows, ops.cast(self.kernel, windows.dtype)), _wide(windows.dtype))
        projected = projected if self.bias is None else ops.add(projected, ops.cast(self.bias, projected.dtype))
        activated = [getattr(ops, activation)(values) if activation != "linear" else values for activation, values in
                     zip(self.activations, ops.split(projected, len(self.activations), axis=-1), strict=True)]
        noise = self.noise(ops.shape(activated[0]), projected.dtype, training)
        further = [*self.others(windows), *noise, *self.parameters()]
        return [*activated, *(ops.cast(values, projected.dtype) for values in further)]

    def others(self, windows: Any) -> list[Any]:
        """Return inputs that are arguments as they are."""
        return []

    def noise(self, shape: Any, dtype: Any, training: bool) -> list[Any]:
        """Return random arguments of a shape [..., units]."""
        return []

    def parameters(self) -> list[Any]:
        """Return weights [units] that the elementwise functions use."""
        return []

    @abstractmethod
    def gates(self, parts: Sequence[Any]) -> tuple[Any, Any]:
        """Return a and b."""

    def output(self, state: Any, parts: Sequence[Any]) -> Any:
        """Return h."""
        return state

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Return zeros, float [batch, size] each."""
        return [ops.zeros((batch_size, size), self.compute_dtype) for size in self.state_size]

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, list[Any]]:
        """Compute one step, from inputs [batch, features] and states to h [batch, units] and the next states."""
        state, *before = states
        windows = ops.concatenate([*before, inputs], axis=-1) if before else inputs
        parts = self.parts(windows, training)
        factor, term = self.gates(parts)
        state = factor * ops.cast(state, factor.dtype) + term
        following = [windows[:, self.features:]] if before else []
        return ops.cast(self.output(state, parts), inputs.dtype), [ops.cast(state, inputs.dtype), *following]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "units": self.units, "use_bias": self.use_bias,
                "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
                "bias_initializer": keras.initializers.serialize(self.bias_initializer)}


class ForgettingCell(ScanCell):
    """Cell with a forget gate.

    Args:
        units: features of the state.
        unit_forget_bias: whether 1 is added to the gate's initial bias, so that a state starts with 0.73 of itself left
            after a step instead of 0.5 (Jozefowicz, Zaremba & Sutskever 2015), as in `keras.layers.LSTM`.
        kwargs: of `ScanCell`.

    Attributes:
        forget: the number of the gate among the parts.
        sign: 1, or -1 where a part is large if the state is forgotten.
    """

    forget = 1
    sign = 1

    def __init__(self, units: int, *, unit_forget_bias: bool = True, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.unit_forget_bias = unit_forget_bias

    def initial_bias(self, shape: Any, dtype: Any = None) -> Any:
        """Return the initial bias, of a shape [parts * units]."""
        added = np.zeros((len(self.activations), self.units), "float32")
        added[self.forget] = self.sign if self.unit_forget_bias else 0
        return super().initial_bias(shape, dtype) + ops.cast(added.reshape(shape), dtype or "float32")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "unit_forget_bias": self.unit_forget_bias}


class QRNNCell(ForgettingCell):
    """Cell of `QRNN`."""

    def __init__(self, units: int, *, window: int = 2, pooling: str = "fo", zoneout: float = 0.0,
                 seed: int | None = None, **kwargs: Any) -> None:
        if pooling not in tuple(POOLINGS):
            raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, not {pooling!r}")
        if not isinstance(zoneout, Real) or not 0 <= zoneout < 1:
            raise ValueError(f"zoneout must be at least 0 and below 1, not {zoneout!r}")
        super().__init__(units, **kwargs)
        self.window = _whole("window", window, LARGEST_WINDOW)
        self.pooling, self.zoneout, self.seed = pooling, zoneout, seed
        self.activations, self.gated = ("tanh", "sigmoid", "sigmoid", "sigmoid")[:POOLINGS[pooling]], pooling != "f"
        self.seed_generator = keras.random.SeedGenerator(seed)

    def noise(self, shape: Any, dtype: Any, training: bool) -> list[Any]:
        """Return, with zoneout, 0 for each unit that keeps its state and 1 for the others."""
        if not training or not self.zoneout:
            return []
        dropped = keras.random.dropout(ops.ones(shape, dtype), self.zoneout, seed=self.seed_generator)
        return [ops.cast(dropped > 0, dtype)]

    def gates(self, parts: Sequence[Any]) -> tuple[Any, Any]:
        """Return f and (1 - f) z, or i z."""
        count = POOLINGS[self.pooling]
        candidate, forget = parts[:2]
        if len(parts) > count:
            forget = 1 - parts[count] * (1 - forget)
        return forget, (parts[3] if self.pooling == "ifo" else 1 - forget) * candidate

    def output(self, state: Any, parts: Sequence[Any]) -> Any:
        """Return o c, or c."""
        return parts[2] * state if self.gated else state

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "window": self.window, "pooling": self.pooling, "zoneout": self.zoneout,
                "seed": self.seed}


class SRUCell(ForgettingCell):
    """Cell of `SRU`."""

    activations: tuple[str, ...] = ("linear", "sigmoid", "sigmoid")

    def build(self, input_shape: Any) -> None:
        """Create the weights, with a fourth part for the highway if the inputs are of another size."""
        if input_shape[-1] != self.units:
            self.activations = (*SRUCell.activations, "linear")
        super().build(input_shape)

    def others(self, windows: Any) -> list[Any]:
        """Return the highway."""
        return [windows] if len(self.activations) == 3 else []

    def gates(self, parts: Sequence[Any]) -> tuple[Any, Any]:
        """Return f and (1 - f) z."""
        return parts[1], (1 - parts[1]) * parts[0]

    def output(self, state: Any, parts: Sequence[Any]) -> Any:
        """Return r c + (1 - r) x."""
        return parts[3] + parts[2] * (state - parts[3])


class MinGRUCell(ForgettingCell):
    """Cell of `MinGRU`."""

    activations, gated = ("sigmoid", "linear"), False
    forget, sign = 0, -1

    def gates(self, parts: Sequence[Any]) -> tuple[Any, Any]:
        """Return 1 - z and z g."""
        return 1 - parts[0], parts[0] * parts[1]


class MinLSTMCell(ForgettingCell):
    """Cell of `MinLSTM`."""

    activations, gated = ("sigmoid", "sigmoid", "linear"), False
    forget = 0

    def gates(self, parts: Sequence[Any]) -> tuple[Any, Any]:
        """Return f / (f + i) and i g / (f + i)."""
        forget, enter = parts[:2]
        share = forget / (forget + enter + TINY)
        return share, (1 - share) * parts[2]


class RGLRUCell(ScanCell):
    """Cell of `RGLRU`."""

    activations, gated = ("linear", "sigmoid", "sigmoid"), False

    def build(self, input_shape: Any) -> None:
        """Create the weights; the state keeps from 0.9 to 0.999 of itself a step when the gate is open."""
        super().build(input_shape)

        def start(shape: Any, dtype: Any = None) -> Any:
            decay = keras.initializers.RandomUniform(0.9, 0.999)(shape, dtype) ** (1 / EXPONENT)
            return ops.log(decay / (1 - decay))

        self.decay = self.add_weight(shape=(self.units,), name="decay", initializer=start)

    def parameters(self) -> list[Any]:
        """Return the decay."""
        return [self.decay]

    def gates(self, parts: Sequence[Any]) -> tuple[Any, Any]:
        """Return a and sqrt(1 - a^2) i x."""
        value, recurrence, enter, decay = parts
        logarithm = -EXPONENT * ops.softplus(-decay) * recurrence
        kept = ops.exp(logarithm)
        others = ops.tanh(-logarithm) * (1 + kept * kept)  # 1 - a^2, exact where a is near 1
        return kept, ops.sqrt(others + NARROW) * enter * value


def _whole(name: str, value: Any, most: int | None = None) -> int:
    """Return a whole number of at least 1 and at most `most`.

    Raises:
        ValueError: for anything else.
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or not 1 <= value <= (most or value):
        limits = f"from 1 to {most}" if most else "of at least 1"
        raise ValueError(f"{name} must be a whole number {limits}, not {value!r}")
    return int(value)


def _wide(dtype: Any) -> str:
    """Return the dtype of states and elementwise functions: float32, or float64 for float64."""
    return "float64" if keras.backend.standardize_dtype(dtype) == "float64" else "float32"


class ScanRNN(keras.layers.RNN):
    """Recurrent layer over a `ScanCell`; the base of the layers of this module.

    Args:
        units: features of the state and of the output.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask: as for `keras.layers.LSTM`.
        name, trainable, dtype, activity_regularizer: as for any Keras layer.
        kwargs: of the cell: `use_bias`, `kernel_initializer`, `bias_initializer`, `unit_forget_bias` (not for `RGLRU`)
            and its own.
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
        """Create the weights, which determine the size of the window's state."""
        super().build(sequences_shape, initial_state_shape)
        self.state_size = self.cell.state_size

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        """Return the shape of the outputs, and with `return_state` those of the states."""
        self.state_size = self.cell.sizes(sequences_shape[-1])
        return super().compute_output_shape(sequences_shape, initial_state_shape)

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Return the last output, all outputs and the last states."""
        initial_state, mask = checked(self, sequences, initial_state, mask)
        options = {"backwards": self.go_backwards, "zeros": self.zero_output_for_mask, "training": bool(training)}
        tensorflow = keras.backend.backend() == "tensorflow"
        if tensorflow and loops_are_replaced():
            from sentiment.layers.tensorflow.scan import scanned_simply

            outputs, states = scanned_simply(self.cell, sequences, mask, initial_state, backwards=self.go_backwards)
            return outputs[:, -1], outputs, states
        if tensorflow and sequences.shape[1] is None and on_tpu():  # XLA allows no lists of unknown length
            return super().inner_loop(sequences, initial_state, mask, training)
        if tensorflow and (sequences.shape[1] is None or not (on_gpu() or on_tpu())):
            from sentiment.layers.tensorflow.scan import scanned

            outputs, states = scanned(self.cell, sequences, mask, initial_state, sequences=self.return_sequences,
                                      final=self.return_state or self.stateful, embedded=origin(sequences), **options)
        else:
            outputs, states = _scanned(self.cell, sequences, mask, initial_state, **options)
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


def _scanned(cell: ScanCell, inputs: Any, mask: Any, states: Sequence[Any], *, backwards: bool, zeros: bool,
             training: bool) -> tuple[Any, list[Any]]:
    """Run a linear recurrence like `sentiment.layers.tensorflow.scan.scanned`, on any backend.

    Returns:
        Outputs [batch, time, units] and the final states, in the dtype of the inputs.
    """
    batch, time, features = ops.shape(inputs)
    inputs = ops.flip(inputs, axis=1) if backwards else inputs
    if mask is None:
        lengths = ops.full((batch,), time, "int32")
    else:  # real words to the front
        mask = ops.flip(mask, axis=1) if backwards else mask
        place = ops.arange(time, dtype="int32")
        order = ops.argsort(ops.where(mask, place, place + time), axis=1)
        inputs, lengths = ops.take_along_axis(inputs, order[:, :, None], axis=1), ops.sum(ops.cast(mask, "int32"), 1)
    read, before = inputs, cell.window - 1
    if before:
        read = ops.concatenate([ops.reshape(states[1], (batch, before, features)), inputs], axis=1)
        inputs = ops.concatenate([read[:, place:place + time] for place in range(cell.window)], axis=-1)
    parts = cell.parts(inputs, training)
    start = ops.cast(states[0], parts[0].dtype)[:, None]
    factors, terms = ops.associative_scan(_composed, cell.gates(parts), axis=1)
    scanned = ops.reshape(factors * start + terms, (-1, time, cell.units))  # whose rank TensorFlow may not know
    outputs = cell.output(scanned, parts)
    if mask is not None:
        seen = ops.cumsum(ops.cast(mask, "int32"), axis=1)[:, :, None]
        outputs = ops.take_along_axis(outputs, ops.maximum(seen - 1, 0), axis=1)
        outputs = ops.where(mask[:, :, None] if zeros else seen > 0, outputs, ops.zeros_like(outputs))
    last = ops.take_along_axis(ops.concatenate([start, scanned], axis=1), lengths[:, None, None], axis=1)[:, 0]
    finals = [ops.cast(last, inputs.dtype)]
    if before:
        places = lengths[:, None] + ops.arange(before, dtype="int32")
        finals.append(ops.reshape(ops.take_along_axis(read, places[:, :, None], axis=1), (batch, before * features)))
    return ops.cast(outputs, inputs.dtype), finals


def _composed(first: tuple[Any, Any], second: tuple[Any, Any]) -> tuple[Any, Any]:
    """Return the composition of two steps c -> a c + b."""
    return second[0] * first[0], second[0] * first[1] + second[1]


@keras.saving.register_keras_serializable("sentiment")
class QRNN(ScanRNN):
    """Quasi-recurrent network (Bradbury, Merity, Xiong & Socher 2017, "Quasi-Recurrent Neural Networks").

        z, f, o, i = tanh(W_z x + b_z), sigmoid(W_f x + b_f), sigmoid(W_o x + b_o), sigmoid(W_i x + b_i)
        f-pooling:    h_t = f h_(t-1) + (1 - f) z
        fo-pooling:   c_t = f c_(t-1) + (1 - f) z;  h_t = o c_t
        ifo-pooling:  c_t = f c_(t-1) + i z;        h_t = o c_t

    x is the input of a step and those of the window - 1 steps before it, zeros before the first; masked words do not
    count. Zoneout: in training, each unit at each step keeps its state with that probability, f = 1.

    Args:
        units: features of the state.
        window: inputs that a step reads, 1 to 3.
        pooling: f, fo or ifo.
        zoneout: the probability, from 0 to below 1.
        seed: of zoneout.
        kwargs: as for `ScanRNN`.

    Call arguments:
        sequences: float [batch, time, features].
        initial_state: c, float [batch, units], and with a window the inputs before the first, the oldest first, float
            [batch, (window - 1) * features].
        mask: bool [batch, time].

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

    Without the paper's v_f and v_r, which make the gates depend on c_(t-1): with them the recurrence is not linear.
    Where the inputs have another size than the state, a fourth part of the kernel projects x_t for the highway.

    Args:
        units: features of the state.
        kwargs: as for `ScanRNN`.
    """

    cell_type = SRUCell


@keras.saving.register_keras_serializable("sentiment")
class MinGRU(ScanRNN):
    """Minimal GRU (Feng, Tung, Ahmed, Bengio & Hajimirsadeghi 2024, "Were RNNs All We Needed?").

        z = sigmoid(W_z x_t + b_z);  h_t = (1 - z) h_(t-1) + z (W_h x_t + b_h)

    Args:
        units: features of the state.
        kwargs: as for `ScanRNN`.
    """

    cell_type = MinGRUCell


@keras.saving.register_keras_serializable("sentiment")
class MinLSTM(ScanRNN):
    """Minimal LSTM (Feng, Tung, Ahmed, Bengio & Hajimirsadeghi 2024, "Were RNNs All We Needed?").

        f, i = sigmoid(W_f x_t + b_f), sigmoid(W_i x_t + b_i)
        h_t = f / (f + i) h_(t-1) + i / (f + i) (W_h x_t + b_h)

    Args:
        units: features of the state.
        kwargs: as for `ScanRNN`.
    """

    cell_type = MinLSTMCell


@keras.saving.register_keras_serializable("sentiment")
class RGLRU(ScanRNN):
    """Real-gated linear recurrent unit (De et al. 2024, "Griffin"), with full instead of block-diagonal kernels.

        r, i = sigmoid(W_r x_t + b_r), sigmoid(W_i x_t + b_i);  a = sigmoid(decay)^(8 r)
        h_t = a h_(t-1) + sqrt(1 - a^2) i (W x_t + b)

    `decay` [units] is trained; it starts so that the state keeps from 0.9 to 0.999 of itself where r = 1.

    Args:
        units: features of the state.
        kwargs: as for `ScanRNN`.
    """

    cell_type = RGLRUCell
