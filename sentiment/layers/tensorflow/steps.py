"""Steps of the LSTM and the GRU with their gradients, for the loop of `sentiment.layers.tensorflow.recurrence`.

States and elementwise operations are float32, or float64 if the inputs are; matrix products have the dtype of the
inputs, which is half precision with mixed precision.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import tensorflow as tf


def at_least_float32(tensor: Any) -> Any:
    """Return the tensor in float32, or unchanged if it is float64."""
    return tensor if tensor.dtype == tf.float64 else tf.cast(tensor, tf.float32)


class Step(ABC):
    """Step of a recurrent cell with its gradient.

    States and their gradients are [batch, units], float32 or float64.

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
        """Compute a step from W x + b, [batch, gates * units], and the states.

        Returns:
            The new states, the output first, and the tensors saved for `backward`.
        """

    @abstractmethod
    def backward(self, saved: Sequence[Any], gradients: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Propagate gradients through a step, from those of the new states.

        Returns:
            The gradients of the old states, and the tensors that `weight_gradients` needs of the step: the gradients of
            the pre-activations, [batch, width * units] for each width of `emitted`.
        """

    @abstractmethod
    def weight_gradients(self, inputs: Any, previous: Any, emitted: Sequence[Any]) -> Sequence[Any]:
        """Return the gradients of kernel, recurrent kernel and bias.

        Args:
            inputs: of all steps, [rows, features].
            previous: the outputs before each step, [rows, units].
            emitted: the tensors of `backward` of all steps, [rows, width * units].
        """

    def project(self, inputs: Any) -> Any:
        """Return W x + b for all words, [rows, gates * units]."""
        return at_least_float32(tf.nn.bias_add(tf.matmul(inputs, self.kernel), self.input_bias))

    def times(self, state: Any, kernel: Any) -> Any:
        """Return state @ kernel in the dtype of the state."""
        return tf.cast(tf.matmul(tf.cast(state, kernel.dtype), kernel), state.dtype)

    def input_gradient(self, emitted: Sequence[Any]) -> Any:
        """Return the gradient of the inputs, [rows, features]; the first emitted tensor is the gradient of W x + b."""
        return tf.matmul(tf.cast(emitted[0], self.kernel.dtype), self.kernel, transpose_b=True)

    def kernel_gradient(self, left: Any, gradient: Any) -> Any:
        """Return left^T gradient, the gradient of the kernel in the product left @ kernel, from that of the product."""
        dtype = self.kernel.dtype
        return tf.matmul(tf.cast(left, dtype), tf.cast(gradient, dtype), transpose_a=True)

    def bias_gradient(self, gradient: Any) -> Any:
        """Return the gradient of a bias, the sum of the rows, as a product with ones, which is several times faster."""
        return self.kernel_gradient(tf.ones([tf.shape(gradient)[0], 1], gradient.dtype), gradient)[0]


class LSTMStep(Step):
    """Step of the LSTM (Hochreiter & Schmidhuber 1997) with the gates in Keras's order.

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

    def all_steps(self, words: Any, states: Sequence[Any]) -> Sequence[Any]:
        """Compute all steps in one operation, which also multiplies by W step by step.

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

    def weight_gradients(self, inputs: Any, previous: Any, emitted: Sequence[Any]) -> Sequence[Any]:
        """Return dW = x^T dz, dU = h^T dz, db = sum dz."""
        z, = emitted
        return self.kernel_gradient(inputs, z), self.kernel_gradient(previous, z), self.bias_gradient(z)


def _through_sigmoid(output: Any, gradient: Any) -> Any:
    """Return gradient * y (1 - y), in one operation."""
    return tf.raw_ops.SigmoidGrad(y=output, dy=gradient)


def _through_tanh(output: Any, gradient: Any) -> Any:
    """Return gradient * (1 - y^2), in one operation."""
    return tf.raw_ops.TanhGrad(y=output, dy=gradient)


class GRUStep(Step):
    """Step of the GRU with the reset gate after the product (Cho et al. 2014, as in cuDNN); gates in Keras's order.

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
        self.candidate_bias = at_least_float32(bias[1, 2 * units:])

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

    def weight_gradients(self, inputs: Any, previous: Any, emitted: Sequence[Any]) -> Sequence[Any]:
        """Return dW = x^T da, dU = h^T du, db = the sums of da and du."""
        a, u = emitted
        bias = tf.stack([self.bias_gradient(a), self.bias_gradient(u)])
        return self.kernel_gradient(inputs, a), self.kernel_gradient(previous, u), bias


class GRUResetBeforeStep(Step):
    """Step of the GRU with the reset gate before the product (Cho et al. 2014); gates in Keras's order.

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

    def weight_gradients(self, inputs: Any, previous: Any, emitted: Sequence[Any]) -> Sequence[Any]:
        """Return dW = x^T da, dU_z,r = h^T da_z,r, dU_g = (r h)^T da_g, db = sum da."""
        a, reset = emitted
        gates, candidate = tf.split(a, [2 * reset.shape[-1], reset.shape[-1]], axis=1)
        recurrent = tf.concat([self.kernel_gradient(previous, gates), self.kernel_gradient(reset, candidate)], axis=1)
        return self.kernel_gradient(inputs, a), recurrent, self.bias_gradient(a)
