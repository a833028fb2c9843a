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
from sentiment.inference.engines import INPUT, OUTPUT, import_onnxruntime
from sentiment.layers.fused import replaced_loops

OPSET = 18
FEWEST_VALUES = 1024  # minimum size of a tensor that is stored in float16
QUANTIZED = ["LSTM", "MatMul"]  # operators that compute in int8; ONNX Runtime has none for a GRU
PREPARED = {"onnx.quant.pre_process": "onnxruntime.quant"}  # otherwise ONNX Runtime adds a log handler and warns


def export_onnx(original: Original, precision: str = "float32") -> Path:
    """Write `onnx`, `onnx-float16` or `onnx-int8` of a run folder, checked before it gets its final name.

    Weights that are exact in float16, such as those of `--save-float16`, are always stored in float16; with `float16`
    all large tensors are rounded, and ONNX Runtime computes in float32. With `int8` it computes the products of
    LSTMs and dense layers in int8 ("dynamic quantisation"); all other large weights, such as embeddings and the kernels
    of GRUs, are stored in int8 with a scale for each row.

    Raises:
        ExportError: if the model cannot be converted, or its predictions differ from the Keras model's: in float32 by
            more than 1e-5, else in more than one label of 200.
        UserError: if a package is missing.
    """
    check_extra("--format onnx", "onnx")
    return export_portable(original, original.folder.portable("onnx", precision), "ONNX",
                           lambda folder: _convert(original.classifier, folder.onnx, precision),
                           check_scores if precision == "float32" else check_labels)


def _convert(classifier: Classifier, path: Path, precision: str) -> None:
    import onnx
    import tf2onnx

    logits = tf.function(lambda ids: {OUTPUT: classifier.model(ids, training=False)})
    signature = [tf.TensorSpec([None, None], tf.int32, name=INPUT)]
    with replaced_loops(onnx_loop):
        proto, _ = tf2onnx.convert.from_function(logits, signature, opset=OPSET,
                                                 custom_op_handlers={PLACEHOLDER: (recurrent_node, [])})
    if precision == "int8":
        proto = _quantized(proto, path)
    _store_smaller(proto.graph, precision)
    onnx.checker.check_model(proto)
    path.write_bytes(proto.SerializeToString())


def _quantized(proto: Any, path: Path) -> Any:
    """Return a model whose LSTMs and products with weights compute in int8; `path` is overwritten.

    Weights have 7 bits and a scale for each column: processors without VNNI saturate sums of products of 8 bits.
    """
    import_onnxruntime()
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    onnx.helper.set_model_props(proto, PREPARED)
    quantize_dynamic(proto, path, QUANTIZED, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
    quantized = onnx.load(path)
    del quantized.metadata_props[:], quantized.graph.value_info[:]
    return quantized


def _store_smaller(graph: Any, precision: str) -> None:
    """Store large float32 weights in fewer bytes, with nodes that restore them, which a runtime computes once.

    They are stored in int8 with a scale for each row if `precision` is int8; else in float16, all if that is the
    precision, or those that it holds exactly.
    """
    import onnx

    for number, stored in enumerate(list(graph.initializer)):
        values = onnx.numpy_helper.to_array(stored)
        if values.dtype != np.float32 or values.size < FEWEST_VALUES:
            continue
        name = stored.name
        small, scales = _in_int8(values) if precision == "int8" else (_in_float16(values), None)
        if small is None or not (precision != "float32" or np.array_equal(small.astype(np.float32), values)):
            continue
        stored.CopyFrom(onnx.numpy_helper.from_array(small, f"{name}_{small.dtype}"))
        restored = name if scales is None else f"{name}_cast"
        nodes = [onnx.helper.make_node("Cast", [stored.name], [restored], f"cast_{number}", to=onnx.TensorProto.FLOAT)]
        if scales is not None:
            graph.initializer.append(onnx.numpy_helper.from_array(scales, f"{name}_scales"))
            nodes.append(onnx.helper.make_node("Mul", [restored, f"{name}_scales"], [name], f"scale_{number}"))
        for node in reversed(nodes):
            graph.node.insert(0, node)


def _in_float16(values: np.ndarray) -> np.ndarray | None:
    """Return float32 values in float16, or None if one is too large."""
    with np.errstate(over="ignore"):
        halves = values.astype(np.float16)
    return halves if np.isfinite(halves).all() else None


def _in_int8(values: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Quantise float32 values symmetrically to int8, with a scale for each row; return None for vectors.

    Rows are along the first axis that has several. The scales have the rank of the values: values = int8 * scales.
    """
    first = next(axis for axis, size in enumerate(values.shape) if size > 1)
    within = tuple(range(first + 1, values.ndim))
    if not within:
        return None, None
    scales = np.abs(values).max(axis=within, keepdims=True) / 127
    scales = np.where(scales > 0, scales, 1).astype(np.float32)
    return np.rint(values / scales).astype(np.int8), scales
