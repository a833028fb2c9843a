"""Compare the exports of a trained model on its validation split: size, latency and labels.

    python benchmarks/precisions.py models/imdb --data-dir data/aclImdb

Prints for each export of the run for ONNX Runtime or LiteRT the size of its model, the median time of one raw text of
median length and of a batch of 64, alternately, and the share of the validation texts that get the label of
`sentiment.load`.
"""

import argparse
import statistics
import sys
import time
from dataclasses import replace

import numpy as np

from sentiment.artifacts import RunFolder, load_classifier
from sentiment.data import load_corpus
from sentiment.errors import UserError
from sentiment.inference import PortableClassifier, PortableFolder

REPEATS = 15
BATCH = 64


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="the folder of a run with exports")
    parser.add_argument("--data-dir", help="where the data of the run are, if elsewhere than at its training")
    arguments = parser.parse_args()
    folder = RunFolder.open(arguments.model)
    config = folder.load_config()
    data = replace(config.data, data_dir=arguments.data_dir) if arguments.data_dir else config.data
    texts = list(load_corpus(data, config.runtime.seed).validation.texts)
    expected = load_classifier(folder.path).predict_proba(texts)
    exports = {path.name: PortableClassifier.load(path) for path in sorted(folder.path.iterdir())
               if PortableFolder(path).exists()}
    middle, batch = [sorted(texts, key=len)[len(texts) // 2]], texts[:BATCH]
    milliseconds: dict[tuple[str, int], list[float]] = {}
    for _ in range(1 + REPEATS):
        for name, export in exports.items():
            for timed in (middle, batch):
                started = time.perf_counter()
                export.predict_proba(timed)
                milliseconds.setdefault((name, len(timed)), []).append(1000 * (time.perf_counter() - started))
    print(f"{'export':15} {'MB':>7} {'one text':>9} {'64 texts':>9} {'difference':>10} {'same label':>10}  "
          f"({len(texts):,} texts)")
    for name, export in exports.items():
        scores = export.predict_proba(texts)
        size = PortableFolder(folder.path / name).model.stat().st_size / 1e6
        one, many = (statistics.median(milliseconds[name, count][1:]) for count in (1, BATCH))
        same = (scores.argmax(axis=1) == expected.argmax(axis=1)).mean()
        difference = np.abs(scores - expected).max()
        print(f"{name:15} {size:7.2f} {one:6.2f} ms {many:6.1f} ms {difference:10.4f} {same:10.4f}")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
