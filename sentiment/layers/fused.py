"""`LSTM`, `GRU` and `Bidirectional` of Keras, with a fused loop on CPUs."""

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
    """Replace the loops of recurrent layers within the block, for tracing.

    Layers whose cells have a fused step and the standard activations call
    ``replacement(layer, step, weights, sequences, states, mask)``, which returns the outputs float
    [batch, time, units] and the last states; those of `sentiment.layers.scan` run by simple operators, and all others
    in Keras's own loop.
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
    """Whether TensorFlow has a GPU."""
    import tensorflow as tf

    return bool(tf.config.list_logical_devices("GPU"))


def on_tpu() -> bool:
    """Whether the model is built for a TPU."""
    import tensorflow as tf

    return isinstance(tf.distribute.get_strategy(), tf.distribute.TPUStrategy)


def applies(layer: Any, training: bool) -> bool:
    """Whether the fused loop supports the options of a layer, and Keras has nothing faster for the device.

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
    """Mixin for recurrent layers of Keras that runs the cell in the fused loop if that `applies`."""

    def inner_loop(self: Any, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Run the cell over all steps, like the method of `keras.layers.RNN`."""
        step, replacement = step_of(self.cell), _REPLACEMENT.get()
        if step is None or (replacement is None and not applies(self, training)):
            return super().inner_loop(sequences, initial_state, mask, training)  # type: ignore[misc]
        from sentiment.layers.tensorflow.recurrence import Loop

        weights = _weights(self.cell, sequences.dtype)
        states, mask = checked(self, sequences, initial_state, mask)
        if replacement is not None:
            outputs, states = replacement(self, step, weights, sequences, states, mask)
            return states[0], outputs if self.return_sequences else states[0][:, None], states
        if training and self.cell.dropout:
            sequences = sequences * ops.expand_dims(self.cell.get_dropout_mask(sequences[:, 0, :]), 1)
        loop = Loop(step, mask=mask, backwards=self.go_backwards, sequences=self.return_sequences,
                    final=self.return_state or self.stateful, zeros=self.zero_output_for_mask)
        outputs, states = loop.run(sequences, states, weights, bool(training), origin(sequences))
        if self.return_sequences:
            return outputs[:, -1], outputs, states
        return outputs, outputs[:, None], states


@keras.saving.register_keras_serializable("sentiment")
class LSTM(Fused, keras.layers.LSTM):
    """`keras.layers.LSTM` (Hochreiter & Schmidhuber 1997), faster on a CPU; see `sentiment.layers.tensorflow`.

    It has the same arguments, the same weights in the same order, and the same results to 1e-5. The fused loop runs on
    TensorFlow with the standard activations, without `unroll` and without recurrent dropout; on a GPU Keras's cuDNN
    path runs, and in all other cases Keras's own loop.
    """

@keras.saving.register_keras_serializable("sentiment")
class GRU(Fused, keras.layers.GRU):
    """`keras.layers.GRU` (Cho et al. 2014), faster on a CPU, with `reset_after` or without; see `LSTM`."""

@keras.saving.register_keras_serializable("sentiment")
class Bidirectional(keras.layers.Bidirectional):
    """`keras.layers.Bidirectional` (Schuster & Paliwal 1997), with half of the cores for each direction."""

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = None) -> Any:
        """Run both layers over float [batch, time, features]."""
        with two_directions():
            return super().call(sequences, initial_state=initial_state, mask=mask, training=training)
