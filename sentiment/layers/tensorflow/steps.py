"""Steps of the LSTM and the GRU with their gradients, for the loop of `sentiment.layers.tensorflow.recurrence`.

States and elementwise operations are float32, or float64 if the inputs are; matrix products have the dtype of the
inputs, which is half precision with mixed precision.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import tensorflow as tf


def wide(tensor: Any) -> Any:
    """Cast to float32, but keep float64."""
    return tensor if tensor.dtype == tf.float64 else tf.cast(tensor, tf.float32)


class Step(ABC):
    """Step of a recurrent cell and its gradient. States and gradients are [batch, units], in the states' dtype.

    Args:
        kernel: W, [features, gates * units].
        recurrent_kernel: U, [units, gates * units].
        bias: b, [gates * units], or [2, gates * units] with separate biases for the inputs and the states.

    Attributes:
        states: the number of states of the cell.
        saved: the number of tensors per step saved for `backward`.
        emitted: the width, in units, of each tensor that `backward` returns for a step.
    """

    states: ClassVar[int]
    saved: ClassVar[int]
    emitted: ClassVar[tuple[int, ...]]

    def __init__(self, kernel: Any, recurrent_kernel: Any, bias: Any) -> None:
        self.kernel = kernel
        self.recurrent_kernel = recurrent_kernel
        self.transposed = tf.transpose(recurrent_kernel)
        self.input_bias = bias

    @abstractmethod
    def forward(self, projected: Any, states: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Compute a step: return the new states, the output first, and the tensors saved for `backward`."""

    @abstractmethod
    def backward(self, saved: Sequence[Any], gradients: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Return the gradients of the old states from those of the new ones, and emit those of the pre-activations."""

    @abstractmethod
    def of_weights(self, inputs: Any, previous: Any, emitted: Sequence[Any]) -> Sequence[Any]:
        """Return the gradients of the weights, from inputs, previous outputs and the emitted tensors of all steps."""

    def project(self, inputs: Any) -> Any:
        """Return W x + b for all words, [rows, gates * units]."""
        return wide(tf.nn.bias_add(tf.matmul(inputs, self.kernel), self.input_bias))

    def times(self, state: Any, kernel: Any) -> Any:
        """Return state @ kernel in the dtype of the state."""
        return tf.cast(tf.matmul(tf.cast(state, kernel.dtype), kernel), state.dtype)

    def of_inputs(self, emitted: Sequence[Any]) -> Any:
        """Return the gradient of the inputs, [rows, features]; the first emitted tensor is the gradient of W x + b."""
        return tf.matmul(tf.cast(emitted[0], self.kernel.dtype), self.kernel, transpose_b=True)

    def over_rows(self, left: Any, gradient: Any) -> Any:
        """Return left^T gradient, the gradient of a kernel."""
        dtype = self.kernel.dtype
        return tf.matmul(tf.cast(left, dtype), tf.cast(gradient, dtype), transpose_a=True)

    def summed(self, gradient: Any) -> Any:
        """Return the gradient of a bias; a product with ones is several times faster than a sum of the rows."""
        return self.over_rows(tf.ones([tf.shape(gradient)[0], 1], gradient.dtype), gradient)[0]


class LSTMStep(Step):
    """The LSTM (Hochreiter & Schmidhuber 1997) with the gates in Keras's order.

        i, f, o = sigmoid(z_i), sigmoid(z_f), sigmoid(z_o);  g = tanh(z_g);  z = W x_t + U h_(t-1) + b
        c_t = f c_(t-1) + i g;  h_t = o tanh(c_t)

    b is [4 * units].
    """

    states, saved = 2, 6
    emitted = (4,)

    def forward(self, projected: Any, states: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Compute a step."""
        hidden, carry = states
        i, f, g, o = tf.split(projected + self.times(hidden, self.recurrent_kernel), 4, axis=1)
        i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
        new_carry = f * carry + i * g
        squashed = tf.tanh(new_carry)
        return (o * squashed, new_carry), (carry, i, f, g, o, squashed)

    def backward(self, saved: Sequence[Any], gradients: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Propagate the gradient through a step; emit dz."""
        carry, i, f, g, o, squashed = saved
        hidden, of_carry = gradients
        of_carry = of_carry + _through_tanh(squashed, hidden * o)
        z = tf.concat([_through_sigmoid(i, of_carry * g), _through_sigmoid(f, of_carry * carry),
                       _through_tanh(g, of_carry * i), _through_sigmoid(o, hidden * squashed)], axis=1)
        return (self.times(z, self.transposed), of_carry * f), (z,)

    def whole(self, words: Any, states: Sequence[Any]) -> Sequence[Any]:
        """Make all steps in one operation, which multiplies by W step by step, too.

        Args:
            words: float32 [steps, batch, features].
            states: float32 [batch, units] each, the initial ones.

        Returns:
            The new states after each step, [steps, batch, units] each, the output first.
        """
        def ordered(values: Any) -> Any:  # BlockLSTMV2 has this order, but a wrong gradient
            i, f, g, o = tf.split(values, 4, axis=-1)
            return tf.concat([i, g, f, o], axis=-1)

        hidden, carry = states
        unused = tf.zeros(carry.shape[-1:])
        found = tf.raw_ops.BlockLSTM(
            seq_len_max=tf.shape(words, out_type=tf.int64)[0], x=words, cs_prev=carry, h_prev=hidden,
            w=ordered(tf.concat([self.kernel, self.recurrent_kernel], axis=0)), b=ordered(self.input_bias),
            wci=unused, wcf=unused, wco=unused, forget_bias=0.0, cell_clip=-1.0, use_peephole=False)
        return found.h, found.cs

    def of_weights(self, inputs: Any, previous: Any, emitted: Sequence[Any]) -> Sequence[Any]:
        """Return dW = x^T dz, dU = h^T dz, db = sum dz."""
        z, = emitted
        return self.over_rows(inputs, z), self.over_rows(previous, z), self.summed(z)


def _through_sigmoid(output: Any, gradient: Any) -> Any:
    """Return gradient * y (1 - y), in one operation."""
    return tf.raw_ops.SigmoidGrad(y=output, dy=gradient)


def _through_tanh(output: Any, gradient: Any) -> Any:
    """Return gradient * (1 - y^2), in one operation."""
    return tf.raw_ops.TanhGrad(y=output, dy=gradient)


class GRUStep(Step):
    """The GRU with the reset gate after the product (Cho et al. 2014 in the form of cuDNN), gates in Keras's order.

        z, r = sigmoid(a_z + u_z), sigmoid(a_r + u_r);  a = W x_t + b_0;  u = U h_(t-1) + b_1
        g = tanh(a_g + r u_g);  h_t = z h_(t-1) + (1 - z) g

    b is [2, 3 * units].
    """

    states, saved = 1, 5
    emitted = (3, 3)

    def __init__(self, kernel: Any, recurrent_kernel: Any, bias: Any) -> None:
        super().__init__(kernel, recurrent_kernel, bias)
        units = recurrent_kernel.shape[0]
        # b_1 of z and r is added to the inputs, once for all words
        self.input_bias = bias[0] + tf.pad(bias[1, :2 * units], [[0, units]])
        self.candidate_bias = wide(bias[1, 2 * units:])

    def forward(self, projected: Any, states: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Compute a step."""
        hidden, = states
        units = hidden.shape[-1]
        a_gates, a_g = tf.split(projected, [2 * units, units], axis=1)
        u_gates, u_g = tf.split(self.times(hidden, self.recurrent_kernel), [2 * units, units], axis=1)
        z, r = tf.split(tf.sigmoid(a_gates + u_gates), 2, axis=1)
        u_g = tf.nn.bias_add(u_g, self.candidate_bias)
        g = tf.tanh(a_g + r * u_g)
        return (g + z * (hidden - g),), (hidden, z, r, g, u_g)

    def backward(self, saved: Sequence[Any], gradients: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Propagate the gradient through a step; emit da and du."""
        hidden, z, r, g, u_g = saved
        gradient, = gradients
        kept = gradient * z
        of_g = _through_tanh(g, gradient - kept)
        of_z = _through_sigmoid(z, gradient * (hidden - g))
        of_r = _through_sigmoid(r, of_g * u_g)
        a = tf.concat([of_z, of_r, of_g], axis=1)
        u = tf.concat([of_z, of_r, of_g * r], axis=1)
        return (kept + self.times(u, self.transposed),), (a, u)

    def of_weights(self, inputs: Any, previous: Any, emitted: Sequence[Any]) -> Sequence[Any]:
        """Return dW = x^T da, dU = h^T du, db = the sums of da and du."""
        a, u = emitted
        return self.over_rows(inputs, a), self.over_rows(previous, u), tf.stack([self.summed(a), self.summed(u)])


class GRUResetBeforeStep(Step):
    """The GRU with the reset gate before the product, as first published (Cho et al. 2014); gates in Keras's order.

        z, r = sigmoid(z_z), sigmoid(z_r);  g = tanh(W_g x_t + U_g (r h_(t-1)) + b_g);  h_t = z h_(t-1) + (1 - z) g

    b is [3 * units].
    """

    states, saved = 1, 4
    emitted = (3, 1)

    def __init__(self, kernel: Any, recurrent_kernel: Any, bias: Any) -> None:
        super().__init__(kernel, recurrent_kernel, bias)
        units = recurrent_kernel.shape[0]
        self.gates, self.candidate = tf.split(recurrent_kernel, [2 * units, units], axis=1)
        self.gates_transposed, self.candidate_transposed = tf.transpose(self.gates), tf.transpose(self.candidate)

    def forward(self, projected: Any, states: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Compute a step."""
        hidden, = states
        a_z, a_r, a_g = tf.split(projected, 3, axis=1)
        u_z, u_r = tf.split(self.times(hidden, self.gates), 2, axis=1)
        z, r = tf.sigmoid(a_z + u_z), tf.sigmoid(a_r + u_r)
        g = tf.tanh(a_g + self.times(r * hidden, self.candidate))
        return (g + z * (hidden - g),), (hidden, z, r, g)

    def backward(self, saved: Sequence[Any], gradients: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Propagate the gradient through a step; emit da and r h_(t-1)."""
        hidden, z, r, g = saved
        gradient, = gradients
        kept = gradient * z
        of_g = _through_tanh(g, gradient - kept)
        of_reset = self.times(of_g, self.candidate_transposed)
        gates = tf.concat([_through_sigmoid(z, gradient * (hidden - g)),
                           _through_sigmoid(r, of_reset * hidden)], axis=1)
        before = kept + of_reset * r + self.times(gates, self.gates_transposed)
        return (before,), (tf.concat([gates, of_g], axis=1), r * hidden)

    def of_weights(self, inputs: Any, previous: Any, emitted: Sequence[Any]) -> Sequence[Any]:
        """Return dW = x^T da, dU_z,r = h^T da_z,r, dU_g = (r h)^T da_g, db = sum da."""
        a, reset = emitted
        gates, candidate = tf.split(a, [2 * reset.shape[-1], reset.shape[-1]], axis=1)
        recurrent = tf.concat([self.over_rows(previous, gates), self.over_rows(reset, candidate)], axis=1)
        return self.over_rows(inputs, a), recurrent, self.summed(a)
