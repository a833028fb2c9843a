"""`LSTM`, `GRU` and `Bidirectional` as Keras has them, faster on a CPU."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
from keras import ops

from sentiment.layers.embedding import origin
from sentiment.layers.recurrence import Loop, Step, two_directions
from sentiment.layers.steps import GRUResetBeforeStep, GRUStep, LSTMStep

_REPLACEMENT: ContextVar[Callable[..., Any] | None] = ContextVar("replacement", default=None)


@contextmanager
def replaced_loops(replacement: Callable[..., Any]) -> Iterator[None]:
    """Trace recurrent layers with other loops within the block.

    Layers whose cells have a step of ours and the standard activations call
    ``replacement(layer, step, weights, sequences, states, mask)``, which returns the outputs float
    [batch, time, units] and the last states; all others run in Keras's own loop.
    """
    token = _REPLACEMENT.set(replacement)
    try:
        yield
    finally:
        _REPLACEMENT.reset(token)


def applies(layer: Any, training: bool) -> bool:
    """Return whether the loop of `recurrence` computes what a layer is asked for, where Keras has nothing faster."""
    return (keras.backend.backend() == "tensorflow"
            and _standard(layer.cell)
            and not layer.unroll
            and not (training and layer.cell.recurrent_dropout)
            and _best_on_this_device(getattr(layer, "use_cudnn", False)))


def _standard(cell: Any) -> bool:
    return cell.activation is keras.activations.tanh and cell.recurrent_activation is keras.activations.sigmoid


def inner_loop(layer: Any, make_step: Callable[..., Step], sequences: Any, initial_state: Any, mask: Any,
               training: bool) -> Any:
    """Run a layer's cell over all steps, as the method of that name of `keras.layers.RNN` does."""
    if training and layer.cell.dropout:
        sequences = sequences * ops.expand_dims(layer.cell.get_dropout_mask(sequences[:, 0, :]), 1)
    loop = Loop(make_step, mask=_one(mask), backwards=layer.go_backwards, sequences=layer.return_sequences,
                final=layer.return_state or layer.stateful, zeros=layer.zero_output_for_mask)
    outputs, states = loop.run(sequences, _listed(initial_state), _weights(layer.cell, sequences.dtype), bool(training),
                               origin(sequences))
    last = outputs[:, -1] if layer.return_sequences else outputs
    return last, outputs if layer.return_sequences else outputs[:, None], states


def _replaced(replacement: Callable[..., Any], layer: Any, step: Callable[..., Step], sequences: Any,
              initial_state: Any, mask: Any) -> Any:
    outputs, states = replacement(layer, step, _weights(layer.cell, sequences.dtype), sequences,
                                  _listed(initial_state), _one(mask))
    return states[0], outputs if layer.return_sequences else states[0][:, None], states


def _listed(states: Any) -> list[Any]:
    return list(states) if isinstance(states, (list, tuple)) else [states]


def _weights(cell: Any, dtype: Any) -> list[Any]:
    """Return a cell's kernels and bias as tensors; without a bias, zeros."""
    import tensorflow as tf

    weights = [tf.cast(tf.convert_to_tensor(ops.convert_to_tensor(weight)), dtype)
               for weight in (cell.kernel, cell.recurrent_kernel, cell.bias) if weight is not None]
    if cell.bias is None:
        width = weights[0].shape[-1:]
        weights.append(tf.zeros([2, *width] if getattr(cell, "reset_after", False) else width, dtype))
    return weights


def _one(mask: Any) -> Any:
    return mask[0] if isinstance(mask, (list, tuple)) else mask


def _best_on_this_device(use_cudnn: bool | str) -> bool:
    """Return whether there is neither a cuDNN kernel that may be used nor a TPU, whose compiler needs other loops."""
    import tensorflow as tf

    if isinstance(tf.distribute.get_strategy(), tf.distribute.TPUStrategy):
        return False
    return use_cudnn is False or (use_cudnn == "auto" and not tf.config.list_logical_devices("GPU"))


class Fused:
    """Run a recurrent layer of Keras in the loop of `recurrence` where that applies; put it before Keras's class."""

    cell: Any

    def fused_step(self) -> Callable[..., Step] | None:
        """Return the step of the layer's cell, None if there is none for it."""
        raise NotImplementedError

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Run the cell over all steps."""
        step, replacement = self.fused_step(), _REPLACEMENT.get()
        if replacement is not None and step is not None and _standard(self.cell):
            return _replaced(replacement, self, step, sequences, initial_state, mask)
        if replacement is not None or step is None or not applies(self, training):
            return super().inner_loop(sequences, initial_state, mask, training)  # type: ignore[misc]
        return inner_loop(self, step, sequences, initial_state, mask, training)


@keras.saving.register_keras_serializable("sentiment")
class LSTM(Fused, keras.layers.LSTM):
    """`keras.layers.LSTM` (Hochreiter & Schmidhuber 1997), faster on a CPU; see `sentiment.layers.recurrence`.

    It takes the same arguments, has the same weights in the same order, and gives the same numbers to 1e-5. The fast
    loop runs on TensorFlow with the standard activations, without `unroll` and without recurrent dropout; on a GPU
    Keras's cuDNN path runs, and everywhere else Keras's own loop.
    """

    def fused_step(self) -> Callable[..., Step] | None:
        """Return the step of the LSTM."""
        return LSTMStep


@keras.saving.register_keras_serializable("sentiment")
class GRU(Fused, keras.layers.GRU):
    """`keras.layers.GRU` (Cho et al. 2014), faster on a CPU, with `reset_after` or without; see `LSTM`."""

    def fused_step(self) -> Callable[..., Step] | None:
        """Return the step of the GRU."""
        return gru_step(self.cell)


def gru_step(cell: Any) -> Callable[..., Step]:
    """Return the step of a GRU cell."""
    return GRUStep if cell.reset_after else GRUResetBeforeStep


@keras.saving.register_keras_serializable("sentiment")
class Bidirectional(keras.layers.Bidirectional):
    """`keras.layers.Bidirectional` (Schuster & Paliwal 1997), which lets each direction have half of the cores."""

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = None) -> Any:
        """Run both layers over float [batch, time, features]."""
        with two_directions():
            return super().call(sequences, initial_state=initial_state, mask=mask, training=training)
