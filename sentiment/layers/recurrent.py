"""Recurrent cells with weight normalisation, weight dropping and layer normalisation, and the layer that runs them.

`RNN(LSTMCell(64, weight_drop=0.5))` is an ordinary Keras layer: it supports masks, reversal and returned states, and
can be wrapped by `keras.layers.Bidirectional`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops

from sentiment.layers.fused import Fused


class TransformedKernels:
    """Mixin of Keras cells for weight normalisation and weight dropping, computed once per pass over a sequence.

    With `weight_normalization`, a kernel is W = g V / |V|, column by column, where V is the stored kernel and the
    gain g is trained with it; g starts at |V|, so the cell starts as it would without (Salimans & Kingma 2016,
    "Weight Normalization"). With `weight_drop`, in training, each entry of the recurrent kernel is 0 with that
    probability, the same entries at all steps, and the others are divided by 1 - weight_drop (Merity, Keskar &
    Socher 2018, "Regularizing and Optimizing LSTM Language Models").

    Args:
        weight_normalization: whether both kernels are normalised.
        weight_drop: share of the recurrent kernel dropped, from 0 to below 1.
        args, kwargs: of the Keras cell, whose inputs and outputs are the same.
    """

    def __init__(self, *args: Any, weight_normalization: bool = False, weight_drop: float = 0.0, **kwargs: Any) -> None:
        if not 0 <= weight_drop < 1:
            raise ValueError(f"weight_drop must be at least 0 and below 1, not {weight_drop}")
        self._transformed: dict[str, Any] = {}
        super().__init__(*args, **kwargs)
        self.weight_normalization = weight_normalization
        self.weight_drop = weight_drop
        self.weight_drop_seed = keras.random.SeedGenerator(self.seed)  # type: ignore[attr-defined]

    def build(self, input_shape: Any) -> None:
        """Create the cell's weights and the gains."""
        super().build(input_shape)  # type: ignore[misc]
        if self.weight_normalization:
            self.kernel_gain = self._gain("kernel_gain", self.kernel)
            self.recurrent_gain = self._gain("recurrent_gain", self.recurrent_kernel)

    def _gain(self, name: str, kernel: Any) -> Any:
        start = ops.convert_to_numpy(ops.norm(kernel, axis=0))
        return self.add_weight(  # type: ignore[attr-defined]
            shape=start.shape, name=name, initializer=lambda shape, dtype=None: ops.convert_to_tensor(start, dtype))

    @property
    def kernel(self) -> Any:
        """Kernel of the inputs in the current pass."""
        return self._transformed.get("kernel", self.stored_kernel)

    @kernel.setter
    def kernel(self, variable: Any) -> None:
        self.stored_kernel = variable

    @property
    def recurrent_kernel(self) -> Any:
        """Kernel of the states in the current pass."""
        return self._transformed.get("recurrent_kernel", self.stored_recurrent_kernel)

    @recurrent_kernel.setter
    def recurrent_kernel(self, variable: Any) -> None:
        self.stored_recurrent_kernel = variable

    @contextmanager
    def one_pass(self, training: bool) -> Iterator[None]:
        """Compute the kernels once for all steps of a sequence within the block."""
        kernel, recurrent = ops.convert_to_tensor(self.stored_kernel), ops.convert_to_tensor(
            self.stored_recurrent_kernel)
        if self.weight_normalization:
            kernel = _with_gain(kernel, self.kernel_gain)
            recurrent = _with_gain(recurrent, self.recurrent_gain)
        if training and self.weight_drop:
            recurrent = keras.random.dropout(recurrent, self.weight_drop, seed=self.weight_drop_seed)
        # Not by plain assignment, because Keras would wrap and track the dictionary.
        object.__setattr__(self, "_transformed", {"kernel": kernel, "recurrent_kernel": recurrent})
        try:
            yield
        finally:
            object.__setattr__(self, "_transformed", {})

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(),  # type: ignore[misc]
                "weight_normalization": self.weight_normalization, "weight_drop": self.weight_drop}


def _with_gain(kernel: Any, gain: Any) -> Any:
    """Return gain * kernel / |kernel|, column by column."""
    return kernel * (gain / ops.maximum(ops.norm(kernel, axis=0), keras.config.epsilon()))


@keras.saving.register_keras_serializable("sentiment")
class RNN(Fused, keras.layers.RNN):
    """Recurrent layer over a cell of this module: `keras.layers.RNN` that computes the kernels once per pass.

    Args and call arguments are those of `keras.layers.RNN`.

    Example:
        >>> import numpy as np
        >>> from sentiment.layers import RNN, LSTMCell
        >>> RNN(LSTMCell(4, weight_drop=0.5), return_sequences=True)(np.ones((2, 5, 3), "float32")).shape
        TensorShape([2, 5, 4])
    """

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Run the cell over all steps."""
        with self.cell.one_pass(training):
            return super().inner_loop(sequences, initial_state, mask, training)


@keras.saving.register_keras_serializable("sentiment")
class SimpleRNNCell(TransformedKernels, keras.layers.SimpleRNNCell):
    """Cell of a simple recurrent network (Elman 1990, "Finding Structure in Time"): `keras.layers.SimpleRNNCell`.

    h_t = activation(W x_t + U h_(t-1) + b), with the options of `TransformedKernels`; run by `RNN`.
    """


@keras.saving.register_keras_serializable("sentiment")
class LSTMCell(TransformedKernels, keras.layers.LSTMCell):
    """Cell of long short-term memory (Hochreiter & Schmidhuber 1997): `keras.layers.LSTMCell`.

    With the options of `TransformedKernels`; run by `RNN`.
    """


@keras.saving.register_keras_serializable("sentiment")
class GRUCell(TransformedKernels, keras.layers.GRUCell):
    """Cell of a gated recurrent unit (Cho et al. 2014): `keras.layers.GRUCell`.

    With the options of `TransformedKernels`; run by `RNN`.
    """


@keras.saving.register_keras_serializable("sentiment")
class LayerNormLSTMCell(TransformedKernels, keras.layers.LSTMCell):
    """Cell of an LSTM with layer normalisation (Ba, Kiros & Hinton 2016, "Layer Normalization", equations 20 to 22).

        [i, f, g, o] = LN(W x_t; s_x) + LN(U h_(t-1); s_h) + b
        c_t = sigmoid(f) c_(t-1) + sigmoid(i) tanh(g)
        h_t = sigmoid(o) tanh(LN(c_t; s_c) + b_c)

    LN(a; s) = s (a - mean(a)) / sqrt(variance(a) + epsilon) over the features; the scales s start at 1, and the
    biases of the first two normalisations are part of b. Gates are in Keras's order.

    Args:
        units: features of the state.
        epsilon: added to the variance.
        args, kwargs: as for `LSTMCell`; `dropout` of the inputs is not supported.

    Example:
        >>> import numpy as np
        >>> from sentiment.layers import RNN, LayerNormLSTMCell
        >>> RNN(LayerNormLSTMCell(4))(np.ones((2, 5, 3), "float32")).shape
        TensorShape([2, 4])
    """

    def __init__(self, units: int, epsilon: float = 1e-3, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        if self.dropout:
            raise ValueError("LayerNormLSTMCell has no dropout of its inputs: put a dropout layer before it")
        self.dropout_mask_count = None  # one mask of the state for all gates
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        """Create the LSTM's weights, the scales and the state's bias."""
        super().build(input_shape)
        self.input_scale = self.add_weight(shape=(4 * self.units,), name="input_scale", initializer="ones")
        self.state_scale = self.add_weight(shape=(4 * self.units,), name="state_scale", initializer="ones")
        self.carry_scale = self.add_weight(shape=(self.units,), name="carry_scale", initializer="ones")
        self.carry_bias = self.add_weight(shape=(self.units,), name="carry_bias", initializer="zeros")

    def _normalized(self, values: Any) -> Any:
        centred = values - ops.mean(values, axis=-1, keepdims=True)
        return centred * ops.rsqrt(ops.mean(ops.square(centred), axis=-1, keepdims=True) + self.epsilon)

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, list[Any]]:
        """Compute one step; see the class."""
        hidden, carry = states
        if training and self.recurrent_dropout:
            hidden = hidden * self.get_recurrent_dropout_mask(hidden)
        gates = (self.input_scale * self._normalized(ops.matmul(inputs, self.kernel))
                 + self.state_scale * self._normalized(ops.matmul(hidden, self.recurrent_kernel)) + self.bias)
        i, f, g, o = ops.split(gates, 4, axis=1)
        carry = ops.sigmoid(f) * carry + ops.sigmoid(i) * ops.tanh(g)
        output = ops.sigmoid(o) * ops.tanh(self.carry_scale * self._normalized(carry) + self.carry_bias)
        return output, [output, carry]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "epsilon": self.epsilon}
