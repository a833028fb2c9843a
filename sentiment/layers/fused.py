"""`LSTM`, `GRU` and `Bidirectional` as Keras has them, faster on a CPU."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from sentiment.layers.recurrence import Loop, Step, two_directions
from sentiment.layers.steps import GRUResetBeforeStep, GRUStep, LSTMStep


class _Fused:
    """What `LSTM` and `GRU` share: the choice between the loop of `recurrence` and Keras's own ways."""

    cell: Any
    go_backwards: bool
    return_sequences: bool
    return_state: bool
    stateful: bool
    unroll: bool
    use_cudnn: bool | str
    zero_output_for_mask: bool

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Run the cell over all steps."""
        if not self._applies(training):
            return super().inner_loop(sequences, initial_state, mask, training)  # type: ignore[misc]
        if training and self.cell.dropout:
            sequences = sequences * ops.expand_dims(self.cell.get_dropout_mask(sequences[:, 0, :]), 1)
        loop = Loop(self._make_step(), mask=_one(mask), backwards=self.go_backwards, sequences=self.return_sequences,
                    final=self.return_state or self.stateful, zeros=self.zero_output_for_mask)
        states = initial_state if isinstance(initial_state, (list, tuple)) else [initial_state]
        outputs, states = loop.run(sequences, states, self._weights(sequences), bool(training))
        last = outputs[:, -1] if self.return_sequences else outputs
        return last, outputs if self.return_sequences else outputs[:, None], states

    def _make_step(self) -> Callable[..., Step]:
        raise NotImplementedError

    def _weights(self, sequences: Any) -> list[Any]:
        """Return kernels and bias in the dtype of the computation; without a bias, zeros."""
        import tensorflow as tf

        cell = self.cell
        weights = [tf.cast(tf.convert_to_tensor(ops.convert_to_tensor(weight)), sequences.dtype)
                   for weight in (cell.kernel, cell.recurrent_kernel, cell.bias) if weight is not None]
        if cell.bias is None:
            width = weights[0].shape[-1:]
            weights.append(tf.zeros([2, *width] if getattr(cell, "reset_after", False) else width, sequences.dtype))
        return weights

    def _applies(self, training: bool) -> bool:
        """Return whether the loop computes what this layer is asked for, where Keras has nothing faster."""
        cell = self.cell
        return (keras.backend.backend() == "tensorflow"
                and cell.activation is keras.activations.tanh
                and cell.recurrent_activation is keras.activations.sigmoid
                and not self.unroll
                and not (training and cell.recurrent_dropout)
                and _best_on_this_device(self.use_cudnn))


def _one(mask: Any) -> Any:
    return mask[0] if isinstance(mask, (list, tuple)) else mask


def _best_on_this_device(use_cudnn: bool | str) -> bool:
    """Return whether there is neither a cuDNN kernel that may be used nor a TPU, whose compiler needs other loops."""
    import tensorflow as tf

    if isinstance(tf.distribute.get_strategy(), tf.distribute.TPUStrategy):
        return False
    return use_cudnn is False or (use_cudnn == "auto" and not tf.config.list_logical_devices("GPU"))


@keras.saving.register_keras_serializable("sentiment")
class LSTM(_Fused, keras.layers.LSTM):
    """`keras.layers.LSTM` (Hochreiter & Schmidhuber 1997), faster on a CPU; see `sentiment.layers.recurrence`.

    It takes the same arguments, has the same weights in the same order, and gives the same numbers to 1e-5. The fast
    loop runs on TensorFlow with the standard activations, without `unroll` and without recurrent dropout; on a GPU
    Keras's cuDNN path runs, and everywhere else Keras's own loop.
    """

    def _make_step(self) -> Callable[..., Step]:
        return LSTMStep


@keras.saving.register_keras_serializable("sentiment")
class GRU(_Fused, keras.layers.GRU):
    """`keras.layers.GRU` (Cho et al. 2014), faster on a CPU, with `reset_after` or without; see `LSTM`."""

    def _make_step(self) -> Callable[..., Step]:
        return GRUStep if self.cell.reset_after else GRUResetBeforeStep


@keras.saving.register_keras_serializable("sentiment")
class Bidirectional(keras.layers.Bidirectional):
    """`keras.layers.Bidirectional` (Schuster & Paliwal 1997), which lets each direction have half of the cores."""

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = None) -> Any:
        """Run both layers over float [batch, time, features]."""
        with two_directions():
            return super().call(sequences, initial_state=initial_state, mask=mask, training=training)
