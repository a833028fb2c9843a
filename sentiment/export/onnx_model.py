"""Export a run for ONNX Runtime, tokens included, so that it answers without TensorFlow."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import tensorflow as tf

from sentiment.artifacts import RunFolder
from sentiment.errors import UserError
from sentiment.export.characters import characters_of_the_graph
from sentiment.export.check import CHECK_TEXTS, ExportError, check_scores
from sentiment.export.onnx_loops import PLACEHOLDER, onnx_loop, recurrent_node
from sentiment.files import written_beside
from sentiment.inference import Classifier
from sentiment.layers.fused import replaced_loops
from sentiment.portable import PlainTokenizer, PortableClassifier, PortableFolder
from sentiment.portable.classifier import INPUT, OUTPUT
from sentiment.preprocessing import TextPreprocessor
from sentiment.preprocessing.preprocessor import kept_at_ends

OPSET = 18
PACKAGES = ("tf2onnx", "onnx", "onnxruntime")


def export_onnx(folder: RunFolder, texts: Sequence[str] = ()) -> Path:
    """Write `onnx` of a run folder, checked on `texts` and a few odd ones before it gets its name.

    Raises:
        ExportError: if the model cannot be converted, or the answers differ from the Keras model's by more than 1e-5.
        UserError: if a package is missing.
    """
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if missing:
        raise UserError(f"--format onnx needs {', '.join(missing)}: pip install '.[onnx]'")
    classifier = Classifier(folder.load_model(use_cudnn=False), folder.load_preprocessor(), folder.load_class_names())
    with written_beside(folder.onnx) as path:
        beside = PortableFolder(path)
        path.mkdir(parents=True)
        beside.save_texts(plain_tokenizer(classifier.preprocessor), classifier.class_names)
        checked = [*CHECK_TEXTS, *texts]
        with _failing_as_export_error():
            _convert(classifier, beside.model)
            scores = PortableClassifier.load(path).predict_proba(checked)
        check_scores("ONNX model", scores, classifier.predict_proba(checked))
    return folder.onnx


def plain_tokenizer(preprocessor: TextPreprocessor) -> PlainTokenizer:
    """Return the tokenizer in plain Python that gives the ids of a preprocessor."""
    head, tail = kept_at_ends(preprocessor.config)
    return PlainTokenizer(preprocessor.words, characters_of_the_graph(), head=head, tail=tail,
                          periods=preprocessor.config.periods)


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


@contextmanager
def _failing_as_export_error() -> Iterator[None]:
    """Say in one line what a library could not do with the model; what libraries log on the way is not shown."""
    loggers = (logging.getLogger("tensorflow"), logging.getLogger("tf2onnx"))
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    except Exception as error:
        reason = (str(error) or repr(error)).splitlines()[0]
        raise ExportError(f"this model cannot be converted to ONNX: {reason}") from error
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
