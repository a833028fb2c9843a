"""Word vectors by word2vec, trained by gensim."""

from collections.abc import Iterator

import numpy as np

from sentiment.batching import UNKNOWN_ID, TokenizedTexts
from sentiment.errors import UserError

NEGATIVE_SAMPLES = 5
FREQUENT = 1e-4  # threshold of the subsampling of frequent words, section 2.3 of the paper


class _Sentences:
    """Iterable of texts as lists of ids without the unknown token, for gensim."""

    def __init__(self, tokens: TokenizedTexts) -> None:
        self.tokens = tokens

    def __iter__(self) -> Iterator[list[int]]:
        for row in range(len(self.tokens)):
            ids = self.tokens.row(row)
            yield ids[ids > UNKNOWN_ID].tolist()


def word2vec(tokens: TokenizedTexts, vocabulary_size: int, size: int, *, skip_gram: bool, window: int, epochs: int,
             seed: int) -> np.ndarray:
    """Train skip-gram or continuous bag-of-words vectors with negative sampling.

    Mikolov et al. 2013, "Distributed Representations of Words and Phrases and their Compositionality". One thread
    trains them, so that the same seed gives the same vectors.

    Returns:
        float32 [vocabulary_size, size]; zeros for padding, the unknown token and words that are not in the texts.

    Raises:
        UserError: if gensim is not installed.
    """
    try:
        from gensim.models import Word2Vec
    except ImportError:
        raise UserError("word2vec needs gensim: pip install '.[vectors]', or use --method svd") from None
    model = Word2Vec(_Sentences(tokens), vector_size=size, window=window, sg=int(skip_gram), epochs=epochs, seed=seed,
                     negative=NEGATIVE_SAMPLES, sample=FREQUENT, min_count=1, workers=1)
    vectors = np.zeros((vocabulary_size, size), np.float32)
    vectors[np.array(model.wv.index_to_key)] = model.wv.vectors
    return vectors
