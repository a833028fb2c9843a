"""Endurance test: 10,000 predictions of texts of random lengths and characters, with traces and memory.

    python benchmarks/endurance.py models/bilstm

Prints how often the model and the tokenizer were traced, and the memory in use after each 2,500 predictions, after the
C library has returned free memory. Exits with 1 if either was traced again, or if memory grew by more than 1 % in the
second half; in the first half the memory pools of all threads still grow with larger texts.
"""

import argparse
import ctypes
import sys
from pathlib import Path

import numpy as np

from sentiment.errors import UserError
from sentiment.startup import import_tensorflow

PREDICTIONS, PART = 10_000, 2_500
MOST_TEXTS, MOST_WORDS = 8, 600
GROWTH = 1.01


def main() -> int:
    """Predict and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="the folder of a run")
    arguments = parser.parse_args()
    import_tensorflow(devices=True)
    from sentiment.artifacts import load_classifier

    classifier = load_classifier(arguments.model)
    words = [*classifier.preprocessor.words[:5000], "unseenword", "😀", "...", "<br />"]
    random = np.random.default_rng(1)

    def text() -> str:
        return " ".join(random.choice(words, random.integers(0, MOST_WORDS)))

    # The longest first, so that what grows later grows for no good reason.
    classifier.predict([" ".join(random.choice(words, MOST_WORDS))] * MOST_TEXTS)
    used = []
    for number in range(1, PREDICTIONS + 1):
        classifier.predict([text() for _ in range(random.integers(1, MOST_TEXTS + 1))])
        if number % PART == 0:
            used.append(used_memory_bytes())
    traces = [function.experimental_get_tracing_count()
              for function in (classifier.model_function, classifier.preprocessor._ragged_ids)]
    print(f"{PREDICTIONS:,} predictions: model traced {traces[0]} times, tokeniser {traces[1]} times; MiB in use after "
          f"each {PART:,}: {', '.join(f'{memory / 2 ** 20:,.0f}' for memory in used)}")
    return 0 if traces == [1, 1] and used[-1] <= GROWTH * used[len(used) // 2 - 1] else 1


def used_memory_bytes() -> int:
    """Return the resident memory after the C library (glibc) has returned free memory to the system."""
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0]) * 1024


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(f"error: {error}")
