"""Streamed tables, larger than memory, whose texts are read from the files at each iteration."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from sentiment.data.tables import as_texts, column_of, table_chunks
from sentiment.errors import UserError
from sentiment.surrogates import as_utf8
from sentiment.table_format import DEFAULT_FORMAT, TableFormat

CHUNK_ROWS = 4096


@dataclass(frozen=True)
class StreamedTexts:
    """Sequence of texts of the files of a path or glob, read at each iteration.

    Attributes:
        pattern: the path or glob.
        column: of the text.
        rows: int64 [texts], ascending: row numbers over all files.
        digests: uint64 [texts], equal for equal texts.
        blank: bool [texts], whether the text is empty or white space.
        form: the format of the files.
    """

    pattern: str
    column: str
    rows: np.ndarray
    digests: np.ndarray
    blank: np.ndarray
    form: TableFormat = DEFAULT_FORMAT

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[str]:
        start = found = 0
        for _, frame in table_chunks(self.pattern, CHUNK_ROWS, [self.column], self.form):
            first, last = np.searchsorted(self.rows, (start, start + len(frame)))
            texts = column_of(frame, self.column).iloc[self.rows[first:last] - start]
            for text in as_texts(texts, self.pattern):
                if digest_of(text) != self.digests[found]:
                    raise UserError(f"{self.pattern} was changed while it was read")
                yield text
                found += 1
            start += len(frame)
        if found != len(self):
            raise UserError(f"{self.pattern} was changed while it was read")

    def take(self, rows: np.ndarray) -> "StreamedTexts":
        """Return the texts at `rows`, which must be ascending."""
        return replace(self, rows=self.rows[rows], digests=self.digests[rows], blank=self.blank[rows])


def digest_of(text: str) -> int:
    """Return 64 bits of a text's BLAKE2b; among ten million texts, the probability of a collision is 1 in 370,000."""
    return int.from_bytes(hashlib.blake2b(as_utf8(text), digest_size=8).digest())


def digests_of(texts: list[str]) -> np.ndarray:
    """Return the digest of each text, uint64 [texts]."""
    return np.fromiter(map(digest_of, texts), np.uint64, len(texts))


def blank_among(texts: list[str]) -> np.ndarray:
    """Return whether each text is empty or white space, bool [texts]."""
    return np.fromiter((not text.strip() for text in texts), bool, len(texts))
