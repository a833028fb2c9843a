"""Agreement of all formats of a trained model on its whole test split.

    python benchmarks/agreement.py models/bilstm

Prints the largest difference between the probabilities of `sentiment.load`, of `model.keras` loaded by Keras
alone, of the SavedModel loaded by TensorFlow alone, and of the export for ONNX Runtime if there is one; exits with 1 if
a difference is above 1e-5.
"""

import argparse
import sys

import keras
import numpy as np
import tensorflow as tf

from sentiment.artifacts import RunFolder, load_classifier
from sentiment.data import load_corpus
from sentiment.errors import UserError
from sentiment.inference import PortableClassifier
from sentiment.predictions import probabilities

TOLERANCE = 1e-5
CHUNK_TEXTS = 256


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="the folder of a run")
    folder = RunFolder.open(parser.parse_args().model)
    if not folder.export.exists():
        raise SystemExit(f"no SavedModel: python -m sentiment export {folder.path} --format saved_model writes one")
    config = folder.load_config()
    texts = list(load_corpus(config.data, config.runtime.seed).test.read().texts)
    classifier = load_classifier(folder.path)
    expected = classifier.predict_proba(texts)
    served, loaded = tf.saved_model.load(str(folder.export)), keras.saving.load_model(folder.model)
    signature = [tf.TensorSpec([None, None], tf.int32)]
    alone = tf.function(lambda ids: loaded(ids, training=False), input_signature=signature)
    portable = PortableClassifier.load(folder.onnx) if folder.onnx.is_dir() else None
    differences: dict[str, float] = {}
    for start in range(0, len(texts), CHUNK_TEXTS):
        chunk, right = texts[start:start + CHUNK_TEXTS], expected[start:start + CHUNK_TEXTS]
        ids = classifier.preprocessor.padded_ids(tf.constant(chunk))
        answers = {"model.keras": probabilities(np.asarray(alone(ids))),
                   "SavedModel": served.serve(tf.constant(chunk))["scores"].numpy()}
        if portable is not None:
            answers["ONNX"] = portable.predict_proba(chunk)
        for name, scores in answers.items():
            differences[name] = max(differences.get(name, 0.0), float(np.abs(scores - right).max()))
    for name, difference in differences.items():
        print(f"{name}: largest difference from sentiment.load {difference:.1e} over {len(texts):,} texts")
    return int(max(differences.values()) > TOLERANCE)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(f"error: {error}")
