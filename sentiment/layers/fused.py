"""LSTM, GRU and bidirectional layers of Keras, with a fused loop on CPUs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from sentiment.layers.cores import two_directions
from sentiment.layers.embedding import origin

if TYPE_CHECKING:
    from sentiment.layers.tensorflow.steps import Step

_REPLACEMENT: ContextVar[Callable[..., Any] | None] = ContextVar("replacement", default=None)


@contextmanager
def replaced_loops(replacement: Callable[..., Any]) -> Iterator[None]:
    """Replace the loops of recurrent layers within the block, for the conversion to another runtime.

    Layers whose cells have a fused step and the standard activations call
    ``replacement(layer, step, weights, sequences, states, mask)``, which returns the outputs float
    [batch, time, units] and the last states. Those of `sentiment.layers.scan` use only operators that ONNX and LiteRT
    have, and all others run in Keras's loop.
    """
    token = _REPLACEMENT.set(replacement)
    try:
        yield
    finally:
        _REPLACEMENT.reset(token)


def loops_are_replaced() -> bool:
    """Return whether recurrent layers are traced for another runtime."""
    return _REPLACEMENT.get() is not None


def step_of(cell: Any) -> "type[Step] | None":
    """Return the fused step of a cell; None if there is none, or on other backends."""
    if keras.backend.backend() != "tensorflow":
        return None
    from sentiment.layers.tensorflow import steps

    call = type(cell).call
    if call not in (keras.layers.LSTMCell.call, keras.layers.GRUCell.call):
        return None
    if cell.activation is not keras.activations.tanh or cell.recurrent_activation is not keras.activations.sigmoid:
        return None
    if call is keras.layers.LSTMCell.call:
        return steps.LSTMStep
    return steps.GRUStep if cell.reset_after else steps.GRUResetBeforeStep


def on_gpu() -> bool:
    """Return whether TensorFlow has a GPU."""
    import tensorflow as tf

    return bool(tf.config.list_logical_devices("GPU"))


def on_tpu() -> bool:
    """Return whether the model is built for a TPU."""
    import tensorflow as tf

    return isinstance(tf.distribute.get_strategy(), tf.distribute.TPUStrategy)


def fused_loop_applies(layer: Any, training: bool) -> bool:
    """Return whether the fused loop supports the options of a layer, and Keras has nothing faster for the device.

    Keras has cuDNN on a GPU, and the compiler of a TPU needs other loops.
    """
    use_cudnn = getattr(layer, "use_cudnn", False)
    cudnn = use_cudnn is True or (use_cudnn == "auto" and on_gpu())
    return not (cudnn or layer.unroll or (training and layer.cell.recurrent_dropout) or on_tpu())


def checked(layer: Any, sequences: Any, states: Any, mask: Any) -> tuple[list[Any], Any]:
    """Check the initial states and the mask of a recurrent layer against its sequences.

    Args:
        layer: the layer.
        sequences: float [batch, time, features].
        states: the initial ones, float [batch or 1, size] each.
        mask: a mask of numbers or bool, [batch, time], a list that begins with one, or None.

    Returns:
        The states [batch, size] and the mask bool [batch, time].

    Raises:
        ValueError: for other shapes, as far as they are known, or another number of states.
    """
    (batch, time), states = sequences.shape[:2], keras.tree.flatten(states)
    mask = mask[0] if isinstance(mask, (list, tuple)) else mask
    sizes = keras.tree.flatten(layer.cell.state_size)
    shapes = [tuple(state.shape) for state in states]
    if len(shapes) != len(sizes) or not all(_like(shape, (batch if shape[:1] != (1,) else 1, size))
                                            for shape, size in zip(shapes, sizes, strict=True)):
        raise ValueError(f"{layer.name}: initial_state must have the shapes {[(batch, size) for size in sizes]}, not "
                         f"{shapes}")
    if mask is not None:
        mask = ops.cast(mask, "bool")
        if not _like(mask.shape, (batch, time)):
            raise ValueError(f"{layer.name}: mask must have the shape {(batch, time)}, not {tuple(mask.shape)}")
    if not loops_are_replaced():  # exported models start with a state for each row
        states = [ops.broadcast_to(state, (ops.shape(sequences)[0], size)) if batch is None or state.shape[0] != batch
                  else state for state, size in zip(states, sizes, strict=True)]
    return states, mask


def _like(shape: Any, expected: tuple[Any, ...]) -> bool:
    """Whether two shapes may be equal, with None for what is unknown."""
    return len(shape) == len(expected) and all(size == other or None in (size, other)
                                               for size, other in zip(shape, expected, strict=True))


def _weights(cell: Any, dtype: Any) -> list[Any]:
    """Return a cell's kernels and bias as tensors; without a bias, zeros."""
    import tensorflow as tf

    weights = [tf.cast(tf.convert_to_tensor(ops.convert_to_tensor(weight)), dtype)
               for weight in (cell.kernel, cell.recurrent_kernel, cell.bias) if weight is not None]
    if cell.bias is None:
        width = weights[0].shape[-1:]
        weights.append(tf.zeros([2, *width] if getattr(cell, "reset_after", False) else width, dtype))
    return weights


class Fused:
    """Mixin for recurrent layers of Keras that runs the cell in the fused loop if `fused_loop_applies`."""

    def inner_loop(self: Any, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Run the cell over all steps, like the method of `keras.layers.RNN`."""
        step, replacement = step_of(self.cell), _REPLACEMENT.get()
        if step is None or (replacement is None and not fused_loop_applies(self, training)):
            return super().inner_loop(sequences, initial_state, mask, training)  # type: ignore[misc]
        from sentiment.layers.tensorflow.recurrence import Loop

        weights = _weights(self.cell, sequences.dtype)
        states, mask = checked(self, sequences, initial_state, mask)
        if replacement is not None:
            outputs, states = replacement(self, step, weights, sequences, states, mask)
            return states[0], outputs if self.return_sequences else states[0][:, None], states
        if training and self.cell.dropout:
            sequences = sequences * ops.expand_dims(self.cell.get_dropout_mask(sequences[:, 0, :]), 1)
        loop = Loop(step, mask=mask, go_backwards=self.go_backwards, return_sequences=self.return_sequences,
                    return_state=self.return_state or self.stateful, zero_output_for_mask=self.zero_output_for_mask)
        outputs, states = loop.run(sequences, states, weights, bool(training), origin(sequences))
        if self.return_sequences:
            return outputs[:, -1], outputs, states
        return outputs, outputs[:, None], states


@keras.saving.register_keras_serializable("sentiment")
class LSTM(Fused, keras.layers.LSTM):
    """Long short-term memory (Hochreiter & Schmidhuber 1997): `keras.layers.LSTM`, faster on a CPU.

    It has the same arguments, the same weights in the same order, and the same results to 1e-5. The fused loop
    (`sentiment.layers.tensorflow.recurrence`) runs on TensorFlow with the standard activations, without `unroll` and
    without recurrent dropout; on a GPU Keras's cuDNN path runs, and in all other cases Keras's own loop.

    Example:
        >>> import numpy as np
        >>> from sentiment.layers import LSTM
        >>> LSTM(4, return_sequences=True)(np.ones((2, 5, 3), "float32")).shape
        TensorShape([2, 5, 4])
    """


@keras.saving.register_keras_serializable("sentiment")
class GRU(Fused, keras.layers.GRU):
    """Gated recurrent unit (Cho et al. 2014): `keras.layers.GRU`, faster on a CPU, with `reset_after` or without.

    It has the same arguments, weights and results to 1e-5; see `LSTM`.

    Example:
        >>> import numpy as np
        >>> from sentiment.layers import GRU
        >>> GRU(4)(np.ones((2, 5, 3), "float32")).shape
        TensorShape([2, 4])
    """


@keras.saving.register_keras_serializable("sentiment")
class Bidirectional(keras.layers.Bidirectional):
    """Bidirectional recurrent layer (Schuster & Paliwal 1997): `keras.layers.Bidirectional` that halves the cores.

    Each direction runs on half of the cores. Arguments, weights and results are those of Keras.

    Example:
        >>> import numpy as np
        >>> from sentiment.layers import Bidirectional, MinGRU
        >>> Bidirectional(MinGRU(4, return_sequences=True))(np.ones((2, 5, 3), "float32")).shape
        TensorShape([2, 5, 8])
    """

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = None) -> Any:
        """Run both layers over float [batch, time, features]."""
        with two_directions():
            return super().call(sequences, initial_state=initial_state, mask=mask, training=training)
