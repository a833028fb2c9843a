import numpy as np

from sentiment.batching import TokenizedTexts
from sentiment.text import word_vectors
from sentiment.text.co_occurrence import co_occurrences, positive_pointwise_mutual_information

RANDOM = np.random.default_rng(6)
TEXTS = [RANDOM.integers(0, 12, size=length).astype(np.int32) for length in (1, 2, 9, 30, 40)]
TOKENS = TokenizedTexts(np.concatenate(TEXTS), np.concatenate([[0], np.cumsum([len(text) for text in TEXTS])]))


def counts_by_hand() -> np.ndarray:
    counts = np.zeros((12, 12))
    for text in TEXTS:
        for here, one in enumerate(text):
            for there, other in enumerate(text):
                distance = abs(here - there)
                if 1 <= distance <= 5 and one > 1 and other > 1:
                    counts[one, other] += 1 / distance
    return counts


def information_by_hand() -> np.ndarray:
    counts = counts_by_hand()
    joint, word = counts / counts.sum(), counts.sum(axis=1) / counts.sum()
    context = counts.sum(axis=0) ** 0.75
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.log(joint / (word[:, None] * (context / context.sum())[None, :]))
    return np.asarray(np.nan_to_num(np.maximum(information, 0)))


def test_counts_and_information_against_loops() -> None:
    counts = co_occurrences(TOKENS, 12)
    np.testing.assert_allclose(counts.toarray(), counts_by_hand(), rtol=1e-5)
    found = positive_pointwise_mutual_information(counts).toarray()
    np.testing.assert_allclose(found, information_by_hand(), rtol=1e-4, atol=1e-6)


def test_vectors_against_a_full_factorisation() -> None:
    vectors = word_vectors(TOKENS, 12, 9, seed=1)
    left, strengths, _ = np.linalg.svd(information_by_hand())
    expected = left[:, :9] * np.sqrt(strengths[:9])
    expected *= 0.1 / np.sqrt(np.mean(expected**2))
    # The sign of each column is free, products of rows are not.
    np.testing.assert_allclose(vectors @ vectors.T, expected @ expected.T, atol=1e-5)
    assert vectors.dtype == np.float32
    assert not vectors[:2].any()
    assert (vectors == word_vectors(TOKENS, 12, 9, seed=1)).all()


def test_more_features_than_words_and_texts_of_one_word() -> None:
    assert word_vectors(TOKENS, 12, 50, seed=1).shape == (12, 50)
    alone = TokenizedTexts(np.array([2, 3, 4], np.int32), np.arange(4))
    assert not word_vectors(alone, 5, 3, seed=1).any()
