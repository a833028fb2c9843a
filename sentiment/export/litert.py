"""Export for LiteRT with the tokenizer, for prediction without TensorFlow."""

from pathlib import Path
from typing import Any

import tensorflow as tf

from sentiment.errors import check_extra
from sentiment.export.check import Original, check_labels, check_scores
from sentiment.export.conversion import export_portable
from sentiment.inference import Classifier
from sentiment.inference.engines import INPUT, OUTPUT
from sentiment.layers.fused import replaced_loops


def export_litert(original: Original, precision: str = "float32") -> Path:
    """Write `litert`, `litert-float16` or `litert-int8` of a run folder, checked before it gets its final name.

    The model takes texts of any length, one at a time, and uses only LiteRT's built-in operators. `float16` halves the
    size of the weights; `int8` quantises them, and the inputs of products at run time ("dynamic range").

    Raises:
        ExportError: if the model cannot be converted, or its predictions differ from the Keras model's: in float32 by
            more than 1e-5, else in more than one label of 200.
        UserError: if LiteRT is missing.
    """
    check_extra("--format litert", "litert")
    return export_portable(original, original.folder.portable("litert", precision), "LiteRT",
                           lambda folder: folder.lite.write_bytes(_converted(original.classifier, precision)),
                           check_scores if precision == "float32" else check_labels)


def _converted(classifier: Classifier, precision: str) -> bytes:
    """Return the model in LiteRT's format."""
    model = classifier.model
    # The converter drops the values of variables in loops, so the weights become constants.
    constants = [[tf.constant(variable.numpy()) for variable in variables]
                 for variables in (model.trainable_variables, model.non_trainable_variables)]

    @tf.function(input_signature=[tf.TensorSpec([1, None], tf.int32, name=INPUT)])
    def serve(ids: Any) -> dict[str, Any]:
        return {OUTPUT: model.stateless_call(*constants, ids, training=False)[0]}

    with replaced_loops(lite_loop):
        converter = tf.lite.TFLiteConverter.from_concrete_functions([serve.get_concrete_function()])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    content: bytes = converter.convert()
    return content


def lite_loop(layer: Any, step: Any, weights: list[Any], sequences: Any, states: list[Any], mask: Any
              ) -> tuple[Any, list[Any]]:
    """Run an LSTM or GRU over all steps with built-in operators of LiteRT.

    Arguments and result are those of `sentiment.export.onnx_loops.onnx_loop`. The steps of a text are a loop without
    padding, because a batch has one text. Its sentences are padded to a known length, but their number depends on the
    text; because LiteRT's lists need a known number of rows, the loop over their steps is unrolled.
    """
    cell, batch, time = step(*weights), tf.shape(sequences)[0], tf.shape(sequences)[1]
    words = tf.transpose(sequences, [1, 0, 2])
    projected = cell.project(tf.reshape(words, [-1, words.shape[-1]]))  # [time * batch, a multiple of units]
    projected = tf.reshape(projected, [time, batch, projected.shape[-1]])
    if layer.go_backwards:
        projected = tf.reverse(projected, [0])
    if sequences.shape[1] is None:
        stacked, last = _looped(cell, projected, states)
    else:
        real = tf.cast(tf.transpose(mask), tf.float32)[:, :, None]
        stacked, last = _unrolled(cell, projected, tf.reverse(real, [0]) if layer.go_backwards else real, states,
                                     steps=sequences.shape[1])
    return tf.transpose(stacked, [1, 0, 2]), last


def _looped(cell: Any, projected: Any, states: list[Any]) -> tuple[Any, list[Any]]:
    """Return the outputs of one text, float32 [time, 1, units], and the final states, by a loop."""
    shape, time = [1, states[0].shape[-1]], tf.shape(projected)[0]
    projected = tf.reshape(projected, [time, 1, projected.shape[-1]])
    outputs = tf.TensorArray(tf.float32, size=time, element_shape=shape)

    def body(number: Any, outputs: Any, *before: Any) -> Any:
        after, _ = cell.forward(projected[number], before)
        return (number + 1, outputs.write(number, after[0]), *after)

    start = (0, outputs, *(tf.reshape(state, shape) for state in states))
    _, outputs, *last = tf.while_loop(lambda number, *_: number < time, body, start)
    return tf.reshape(outputs.stack(), [time, *shape]), list(last)


def _unrolled(cell: Any, projected: Any, real: Any, states: list[Any], *, steps: int) -> tuple[Any, list[Any]]:
    """Return the outputs of several rows, float32 [time, rows, units], zero at padding, and the final states."""
    outputs = []
    for number in range(steps):
        after, _ = cell.forward(projected[number], states)
        states = [old + real[number] * (new - old) for new, old in zip(after, states, strict=True)]
        outputs.append(states[0] * real[number])
    return tf.stack(outputs), states
