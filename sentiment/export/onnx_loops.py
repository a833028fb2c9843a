"""Conversion of LSTM and GRU layers to the ONNX operators of these names.

While a model is traced for the conversion, the loop of such a layer is a Python call that is never executed; the
converter passes its node to `recurrent_node`, which replaces it by the ONNX operator.
"""

import re
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from sentiment.layers.tensorflow.steps import GRUResetBeforeStep, GRUStep, LSTMStep

PLACEHOLDER = "EagerPyFunc"  # the operator of `tf.py_function`
NAME = re.compile(r"onnx_(?P<operator>LSTM|GRU)_(?P<direction>forward|reverse)_(?P<reset_after>[01])(_\d+)?$")


@dataclass(frozen=True)
class Operator:
    """An ONNX operator for a recurrent layer.

    Attributes:
        name: LSTM or GRU.
        gates: the indices of its gates in Keras's order.
        reset_after: whether a GRU applies the reset gate after the matrix product.
        states: the number of its states.
    """

    name: str
    gates: tuple[int, ...]
    reset_after: bool
    states: int


OPERATORS = {
    LSTMStep: Operator("LSTM", (0, 3, 1, 2), False, 2),  # Keras i, f, g, o; ONNX i, o, f, g
    GRUStep: Operator("GRU", (0, 1, 2), True, 1),
    GRUResetBeforeStep: Operator("GRU", (0, 1, 2), False, 1),
}


def onnx_loop(layer: Any, step: Any, weights: list[Any], sequences: Any, states: list[Any], mask: Any
              ) -> tuple[Any, list[Any]]:
    """Trace an LSTM or GRU over all steps as a placeholder for its ONNX operator; padding must be on the right.

    Args:
        layer: a recurrent layer.
        step: a class of `sentiment.layers.tensorflow.steps`.
        weights: kernel, recurrent kernel and bias in Keras's order of gates.
        sequences: float [batch, time, features].
        states: float [batch, units] each.
        mask: bool [batch, time], or None.

    Returns:
        The outputs, float [batch, time, units] in reading order, zero at padding, and the last states.
    """
    operator = OPERATORS[step]
    batch, time = tf.shape(sequences)[0], tf.shape(sequences)[1]
    lengths = tf.fill([batch], time) if mask is None else tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
    name = f"onnx_{operator.name}_{'reverse' if layer.go_backwards else 'forward'}_{int(operator.reset_after)}"
    inputs = [tf.transpose(sequences, [1, 0, 2]), *_weights(operator, *weights), lengths,
              *(state[None] for state in states)]
    outputs, *last = tf.py_function(lambda *_: None, inputs, [tf.float32] * (1 + operator.states), name=name)
    units = states[0].shape[-1]
    outputs = tf.transpose(_shaped(outputs, [None, 1, None, units])[:, 0], [1, 0, 2])
    if layer.go_backwards:
        outputs = tf.reverse(outputs, [1])
    return outputs, [_shaped(state, [1, None, units])[0] for state in last]


def _weights(operator: Operator, kernel: Any, recurrent_kernel: Any, bias: Any) -> list[Any]:
    """Return W [1, gates * units, features], R [1, gates * units, units] and B [1, 2 * gates * units] of ONNX."""
    def ordered(values: Any) -> Any:
        parts = tf.split(values, len(operator.gates), axis=-1)
        return tf.concat([parts[place] for place in operator.gates], axis=-1)

    biases = tf.reshape(bias, [-1, kernel.shape[-1]])
    if biases.shape[0] == 1:
        biases = tf.concat([biases, tf.zeros_like(biases)], axis=0)
    return [tf.transpose(ordered(kernel))[None], tf.transpose(ordered(recurrent_kernel))[None],
            tf.reshape(ordered(biases), [1, -1])]


def _shaped(tensor: Any, shape: list[int | None]) -> Any:
    tensor.set_shape(shape)
    return tensor


def recurrent_node(graph: Any, node: Any, name: str, _: Any) -> None:
    """Replace a placeholder by its ONNX operator; called by the converter for each such node.

    Args:
        graph: of tf2onnx.
        node: the placeholder.
        name: of the node, which contains operator, direction and form of the GRU.
    """
    found = NAME.search(name)
    if found is None:
        raise ValueError(f"{name} is a call of a Python function")
    words, kernel, recurrent_kernel, bias, lengths, *states = node.input
    shapes, types = node.output_shapes, node.output_dtypes
    attributes: dict[str, Any] = {"direction": found["direction"], "hidden_size": graph.get_shape(recurrent_kernel)[-1]}
    if found["operator"] == "GRU":
        attributes["linear_before_reset"] = int(found["reset_after"])
    outputs = list(node.output)
    graph.remove_node(name)
    graph.make_node(found["operator"], [words, kernel, recurrent_kernel, bias, lengths, *states], name=name,
                    outputs=outputs, attr=attributes, shapes=shapes, dtypes=types)
