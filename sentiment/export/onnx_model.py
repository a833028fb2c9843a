"""Export a run for ONNX Runtime, tokens included, so that it answers without TensorFlow."""

from importlib.util import find_spec
from pathlib import Path

import tensorflow as tf

from sentiment.errors import UserError
from sentiment.export.check import Original, check_scores
from sentiment.export.conversion import export_portable
from sentiment.export.onnx_loops import PLACEHOLDER, onnx_loop, recurrent_node
from sentiment.inference import Classifier
from sentiment.inference.engines import INPUT, OUTPUT
from sentiment.layers.fused import replaced_loops

OPSET = 18
PACKAGES = ("tf2onnx", "onnx", "onnxruntime")


def export_onnx(original: Original) -> Path:
    """Write `onnx` of a run folder, checked before it gets its name.

    Raises:
        ExportError: if the model cannot be converted, or the answers differ from the Keras model's by more than 1e-5.
        UserError: if a package is missing.
    """
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if missing:
        raise UserError(f"--format onnx needs {', '.join(missing)}: pip install '.[onnx]'")
    return export_portable(original, original.folder.onnx, "ONNX",
                           lambda beside: _convert(original.classifier, beside.onnx), check_scores)


def _convert(classifier: Classifier, path: Path) -> None:
    import onnx
    import tf2onnx

    logits = tf.function(lambda ids: {OUTPUT: classifier.model(ids, training=False)})
    signature = [tf.TensorSpec([None, None], tf.int32, name=INPUT)]
    with replaced_loops(onnx_loop):
        proto, _ = tf2onnx.convert.from_function(logits, signature, opset=OPSET,
                                                 custom_op_handlers={PLACEHOLDER: (recurrent_node, [])})
    onnx.checker.check_model(proto)
    path.write_bytes(proto.SerializeToString())
