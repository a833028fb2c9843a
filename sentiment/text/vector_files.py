"""Word vectors in the text format of GloVe and word2vec: one word and its numbers per line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sentiment.batching import UNKNOWN_ID, TokenizedTexts
from sentiment.errors import UserError
from sentiment.files import atomic_path, user_path


@dataclass(frozen=True)
class VectorTable:
    """Word vectors of a vocabulary.

    Attributes:
        vectors: float32 [vocabulary, features]; zeros for padding, the unknown token and words not in the file.
        found: bool [vocabulary], whether the word is in the file.
    """

    vectors: np.ndarray
    found: np.ndarray

    def coverage(self, tokens: TokenizedTexts) -> str:
        """Return a summary of the shares of the vocabulary and of the words of the texts with a vector."""
        words = len(self.found) - UNKNOWN_ID - 1
        counts = tokens.counts(len(self.found))
        share = counts[self.found].sum() / max(counts.sum(), 1)
        return (f"word vectors for {self.found.sum():,} of {words:,} words of the vocabulary "
                f"({self.found.sum() / max(words, 1):.1%}), {share:.1%} of the words in the training texts")


def _lines(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """Yield line number, word and numbers of each line; a first line with only two numbers is word2vec's header.

    GloVe's largest file has words with spaces, so the numbers are split off from the right.
    """
    features: int | None = None
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            parts = line.rstrip("\r\n ").split(" ")
            if number == 1 and len(parts) == 2 and parts[0].isdigit() and parts[1].isdigit():
                features = int(parts[1])
                continue
            features = features or len(parts) - 1
            if len(parts) <= features or features < 1:
                raise UserError(f"{path}, line {number}: expected a word and {max(features, 1)} numbers")
            yield number, " ".join(parts[:-features]), parts[-features:]


def read_vectors(path: str | Path, words: Sequence[str], features: int) -> VectorTable:
    """Read the vectors of a vocabulary from a file; of several lines for a word, the exact spelling, else the first.

    Args:
        path: of the file.
        words: the vocabulary from id 2 on.
        features: the dimension of the vectors.

    Raises:
        UserError: if the file is missing, is in another format, or has vectors of another size.
    """
    path = user_path(path)
    if not path.is_file():
        raise UserError(f"--embedding-start: no such file of word vectors: {path} (svd and random need none)")
    ids = {word: place for place, word in enumerate(words, start=UNKNOWN_ID + 1)}
    vectors = np.zeros((len(words) + UNKNOWN_ID + 1, features), np.float32)
    found, exact = np.zeros(len(vectors), bool), np.zeros(len(vectors), bool)
    for number, word, values in _lines(path):
        if len(values) != features:
            raise UserError(f"{path} has vectors of {len(values)} numbers: add --embedding-size {len(values)}")
        row = ids.get(word, ids.get(word.lower()))
        if row is None or exact[row] or (found[row] and word not in ids):
            continue
        try:
            vectors[row] = np.array(values, np.float32)
        except ValueError:
            raise UserError(f"{path}, line {number}: expected a word and {features} numbers") from None
        found[row], exact[row] = True, word in ids
    return VectorTable(vectors, found)


def write_vectors(path: Path, words: Sequence[str], vectors: np.ndarray) -> None:
    """Write words and their vectors, float [words, features], in word2vec's text format, atomically."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(f"{len(words)} {vectors.shape[1]}\n")
        for word, vector in zip(words, vectors, strict=True):
            file.write(f"{word} {' '.join(f'{value:.6g}' for value in vector)}\n")
