"""Word vectors by factorisation of co-occurrences, to initialise the embedding."""

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from sentiment.batching import UNKNOWN_ID, TokenizedTexts

WINDOW = 5
SMOOTHING = 0.75
POWER_ITERATIONS = 3
ROOT_MEAN_SQUARE = 0.1
MOST_TEXTS = 100_000


def co_occurrences(tokens: TokenizedTexts, vocabulary_size: int, window: int = WINDOW) -> sparse.csr_array:
    """Return the counts of co-occurrences within `window` tokens of a text, weighted by 1 / distance.

    Padding and the unknown token do not count.

    Returns:
        float32 [vocabulary_size, vocabulary_size], symmetric.
    """
    counts = sparse.csr_array((vocabulary_size, vocabulary_size), dtype=np.float32)
    texts = np.repeat(np.arange(len(tokens)), tokens.lengths)
    for distance in range(1, window + 1):
        left, right = tokens.values[:-distance], tokens.values[distance:]
        counted = (texts[:-distance] == texts[distance:]) & (left > UNKNOWN_ID) & (right > UNKNOWN_ID)
        weights = np.full(int(counted.sum()), 1 / distance, np.float32)
        pairs = sparse.coo_array((weights, (left[counted], right[counted])), shape=counts.shape)
        counts = counts + pairs.tocsr()
    return (counts + counts.T).tocsr()


def positive_pointwise_mutual_information(counts: sparse.csr_array) -> sparse.csr_array:
    """Return max(0, log(P(w, c) / (P(w) P_s(c)))), where P_s(c) is proportional to count(c) ** 0.75.

    Levy, Goldberg & Dagan 2015, "Improving Distributional Similarity with Lessons Learned from Word
    Embeddings".
    """
    totals = np.asarray(counts.sum(axis=1)).ravel()
    smoothed = totals**SMOOTHING
    pairs = counts.tocoo()
    expected = totals[pairs.row] * (smoothed[pairs.col] / smoothed.sum())
    information = np.log(pairs.data / expected)
    kept = information > 0
    values = information[kept].astype(np.float32)
    return sparse.csr_array((values, (pairs.row[kept], pairs.col[kept])), shape=counts.shape)


def word_vectors(tokens: TokenizedTexts, vocabulary_size: int, size: int, seed: int, window: int = WINDOW
                 ) -> np.ndarray:
    """Return word vectors U sqrt(S) from a factorisation of the positive pointwise mutual information of the texts.

    Args:
        tokens: the training texts; with more than 100,000, a random sample of this size is used.
        vocabulary_size: the number of ids.
        size: the number of features; those beyond the rank of a small vocabulary are zero.
        seed: of the randomised factorisation.
        window: words on each side.

    Returns:
        float32 [vocabulary_size, size] with a root mean square of 0.1; zeros for padding, the unknown
        word and words without co-occurrences.
    """
    vectors = np.zeros((vocabulary_size, size), np.float32)
    if len(tokens) > MOST_TEXTS:
        drawn = np.random.default_rng(seed).choice(len(tokens), MOST_TEXTS, replace=False)
        tokens = tokens.take(np.sort(drawn))
    information = positive_pointwise_mutual_information(co_occurrences(tokens, vocabulary_size, window))
    rank = min(size, vocabulary_size - 1)
    if information.nnz == 0:
        return vectors
    left, strengths, _ = randomized_svd(information, rank, n_iter=POWER_ITERATIONS, random_state=seed)
    vectors[:, :rank] = left * np.sqrt(strengths)
    vectors[np.diff(information.indptr) == 0] = 0.0  # the factorisation has rounding errors there
    return vectors * (ROOT_MEAN_SQUARE / max(float(np.sqrt(np.mean(vectors**2))), 1e-12))
