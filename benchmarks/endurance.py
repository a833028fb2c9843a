"""Predict 10,000 times, texts of random lengths and characters, and watch traces and memory.

    python benchmarks/endurance.py models/bilstm

Prints how often the model and the tokeniser were traced, and the peak memory after the first 1,000 predictions and at
the end; exits with 1 if either was traced anew or memory grew by more than 1 %.
"""

import argparse
import sys

import numpy as np

from sentiment.commands.tensorflow import import_tensorflow
from sentiment.errors import UserError
from sentiment.machine import peak_memory_bytes

PREDICTIONS, FIRST = 10_000, 1_000
MOST_TEXTS, MOST_WORDS = 8, 600
GROWTH = 1.01


def main() -> int:
    """Predict and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="the folder of a run")
    arguments = parser.parse_args()
    import_tensorflow()
    from sentiment.inference import load

    classifier = load(arguments.model)
    words = [*classifier.preprocessor.words[:5000], "unseenword", "😀", "...", "<br />"]
    random = np.random.default_rng(1)

    def text() -> str:
        return " ".join(random.choice(words, random.integers(0, MOST_WORDS)))

    # The longest first, so that what grows later grows for no good reason.
    classifier.predict([" ".join(random.choice(words, MOST_WORDS))] * MOST_TEXTS)
    for number in range(1, PREDICTIONS + 1):
        classifier.predict([text() for _ in range(random.integers(1, MOST_TEXTS + 1))])
        if number == FIRST:
            first = peak_memory_bytes()
    last = peak_memory_bytes()
    traces = [function.experimental_get_tracing_count()
              for function in (classifier._logits, classifier.preprocessor._ragged_ids)]
    print(f"{PREDICTIONS:,} predictions: model traced {traces[0]} times, tokeniser {traces[1]} times; peak memory "
          f"{first / 2 ** 20:,.0f} MiB after {FIRST:,}, {last / 2 ** 20:,.0f} MiB at the end")
    return 0 if traces == [1, 1] and last <= GROWTH * first else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(f"error: {error}")
