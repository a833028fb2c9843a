"""Warm-up requests, which TensorFlow Serving sends to a model before it counts as loaded.

They are in `assets.extra/tf_serving_warmup_requests`, a TFRecord file of `PredictionLog` messages
(https://www.tensorflow.org/tfx/serving/saved_model_warmup). Their few fields are written here, with the numbers of
`prediction_log.proto`, `predict.proto` and `model.proto` of TensorFlow Serving, without its package.
"""

import os
from pathlib import Path

import tensorflow as tf

TEXTS = ("A wonderful film.", "I want my two hours back. " * 40)
FOLDER, FILE = "assets.extra", "tf_serving_warmup_requests"
PREDICT_LOG, REQUEST = 6, 1  # of PredictionLog; of PredictLog
MODEL_SPEC, INPUTS = 1, 2  # of PredictRequest
NAME, SIGNATURE = 1, 3  # of ModelSpec
KEY, VALUE = 1, 2  # of a map entry


def write_warm_up(saved_model: Path, name: str) -> None:
    """Write a short and a long warm-up request to a SavedModel served under `name`."""
    folder = saved_model / FOLDER
    folder.mkdir()
    with tf.io.TFRecordWriter(str(folder / FILE)) as writer:
        for text in TEXTS:
            writer.write(_prediction_log(name, text))


def _prediction_log(name: str, text: str) -> bytes:
    tensor = tf.make_tensor_proto([text], dtype=tf.string).SerializeToString()
    spec = _field(NAME, os.fsencode(name)) + _field(SIGNATURE, b"serving_default")
    inputs = _field(KEY, b"texts") + _field(VALUE, tensor)
    return _field(PREDICT_LOG, _field(REQUEST, _field(MODEL_SPEC, spec) + _field(INPUTS, inputs)))


def _field(number: int, content: bytes) -> bytes:
    """Return a bytes field in the protocol buffer wire format: key, length and content."""
    length, rest = bytearray(), len(content)
    while rest > 127:
        length.append(rest & 127 | 128)
        rest >>= 7
    return bytes([number << 3 | 2, *length, rest]) + content
