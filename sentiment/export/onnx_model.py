"""Export for ONNX Runtime with the tokenizer, for prediction without TensorFlow."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from sentiment.errors import check_extra
from sentiment.export.check import Original, check_labels, check_scores
from sentiment.export.conversion import export_portable
from sentiment.export.onnx_loops import PLACEHOLDER, onnx_loop, recurrent_node
from sentiment.inference import Classifier
from sentiment.inference.engines import INPUT, OUTPUT
from sentiment.layers.fused import replaced_loops

OPSET = 18
FEWEST_VALUES = 1024  # minimum size of a tensor that is stored in float16


def export_onnx(original: Original, precision: str = "float32") -> Path:
    """Write `onnx` or `onnx-float16` of a run folder, checked before it gets its final name.

    Weights that are exact in float16, such as those of `--save-float16`, are always stored in float16; with `float16`
    all large tensors are rounded. ONNX Runtime computes in float32.

    Raises:
        ExportError: if the model cannot be converted, or its predictions differ from the Keras model's: in float32 by
            more than 1e-5, else in more than one label of 200.
        UserError: if a package is missing.
    """
    check_extra("--format onnx", "onnx")
    return export_portable(original, original.folder.portable("onnx", precision), "ONNX",
                           lambda folder: _convert(original.classifier, folder.onnx, rounded=precision == "float16"),
                           check_scores if precision == "float32" else check_labels)


def _convert(classifier: Classifier, path: Path, *, rounded: bool) -> None:
    import onnx
    import tf2onnx

    logits = tf.function(lambda ids: {OUTPUT: classifier.model(ids, training=False)})
    signature = [tf.TensorSpec([None, None], tf.int32, name=INPUT)]
    with replaced_loops(onnx_loop):
        proto, _ = tf2onnx.convert.from_function(logits, signature, opset=OPSET,
                                                 custom_op_handlers={PLACEHOLDER: (recurrent_node, [])})
    _store_in_float16(proto.graph, rounded=rounded)
    onnx.checker.check_model(proto)
    path.write_bytes(proto.SerializeToString())


def _store_in_float16(graph: Any, *, rounded: bool) -> None:
    """Store large weights in float16 with a cast to float32: those that are exact in it, or all if `rounded`."""
    import onnx

    for number, stored in enumerate(graph.initializer):
        values = onnx.numpy_helper.to_array(stored)
        if values.dtype != np.float32 or values.size < FEWEST_VALUES:
            continue
        with np.errstate(over="ignore"):
            halves = values.astype(np.float16)
        if not np.isfinite(halves).all() or not (rounded or np.array_equal(halves.astype(np.float32), values)):
            continue
        name = stored.name
        stored.CopyFrom(onnx.numpy_helper.from_array(halves, f"{name}_float16"))
        cast = onnx.helper.make_node("Cast", [stored.name], [name], f"cast_{number}", to=onnx.TensorProto.FLOAT)
        graph.node.insert(0, cast)
