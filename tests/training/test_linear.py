import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from sentiment.batching import TokenizedTexts
from sentiment.training.linear import LEARNERS, count_terms, fit_logistic_regression, fit_nb_svm

RANDOM = np.random.default_rng(3)
TEXTS = [RANDOM.integers(1, 9, size=RANDOM.integers(1, 12)).tolist() for _ in range(40)]
LABELS = np.array([int(3 in text) for text in TEXTS], np.int32)
TOKENS = TokenizedTexts(np.concatenate(TEXTS).astype(np.int32),
                        np.concatenate([[0], np.cumsum([len(text) for text in TEXTS])]))
WORD = r"\S+"
STRINGS = [" ".join(f"w{word}" for word in text) for text in TEXTS]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_terms_against_scikit_learn(order: int) -> None:
    """Its n-grams of the same words, without those that hold the unknown word 1."""
    terms = count_terms(TOKENS, order, 9)
    theirs = CountVectorizer(ngram_range=(1, order), token_pattern=WORD, min_df=2)
    counts = theirs.fit_transform(STRINGS).tocsc()
    expected = {tuple(int(word[1:]) for word in term.split()): counts[:, column].toarray().ravel()
                for term, column in theirs.vocabulary_.items() if "w1" not in term.split()}
    ours = {tuple(int(word) for word in key if word): terms.counts[:, [row]].toarray().ravel()
            for row, key in enumerate(terms.keys)}
    assert set(ours) == set(expected)
    assert all((ours[term] == expected[term]).all() for term in ours)
    assert terms.keys.tolist() == sorted(terms.keys.tolist())


def test_where_no_term_stands_twice_all_are_kept() -> None:
    tokens = TokenizedTexts(np.array([2, 3, 4], np.int32), np.array([0, 2, 3]))
    assert len(count_terms(tokens, 2, 9).keys) == 4


def test_logistic_regression_is_scikit_learns() -> None:
    terms = count_terms(TOKENS, 2, 9)
    fitted = fit_logistic_regression(terms.counts, LABELS, None)
    no_unknown = [" ".join(word if word != "w1" else f"w1x{place}y{row}" for place, word in enumerate(text.split()))
                  for row, text in enumerate(STRINGS)]
    theirs = TfidfVectorizer(ngram_range=(1, 2), token_pattern=WORD, min_df=2, sublinear_tf=True)
    values = theirs.fit_transform(no_unknown)
    model = LogisticRegression(C=10.0, max_iter=1000).fit(values, LABELS)
    columns = [theirs.vocabulary_[" ".join(f"w{word}" for word in key if word)] for key in terms.keys]
    np.testing.assert_allclose(fitted.kernel[:, 0], model.coef_[0][columns], atol=1e-3)
    np.testing.assert_allclose(fitted.idf, theirs.idf_[columns], rtol=1e-5)


def test_nb_svm_by_hand() -> None:
    counts = sparse.csr_array(np.array([[1, 0, 2], [3, 1, 0], [0, 1, 1], [0, 2, 1]], np.float32))
    labels = np.array([1, 1, 0, 0], np.int32)
    present = np.array([[1, 0, 1], [1, 1, 0], [0, 1, 1], [0, 1, 1]])
    ratio = np.log((np.array([3, 2, 2]) / 7) / (np.array([1, 3, 3]) / 7))
    machine = LinearSVC(C=0.01, random_state=0).fit(present * ratio, labels)
    fitted = fit_nb_svm(counts, labels, None)
    np.testing.assert_allclose(fitted.kernel[:, 0], machine.coef_[0] * ratio, rtol=1e-5)
    np.testing.assert_allclose(fitted.bias, machine.intercept_, rtol=1e-5)


@pytest.mark.parametrize("name", LEARNERS)
def test_weights_are_repetitions_of_texts(name: str) -> None:
    """Of 0, 1 or 2 times, with frequencies that do not depend on it: each text holds all terms."""
    random = np.random.default_rng(2)
    counts = sparse.csr_array(random.integers(1, 5, (30, 6)).astype(np.float32))
    if name == "nb-svm":  # which sees presence alone
        counts = sparse.csr_array((random.random((30, 6)) < 0.5).astype(np.float32))
    labels, weights = np.arange(30, dtype=np.int32) % 2, (np.arange(30) % 7 % 3).astype(np.float32)
    rows = np.repeat(np.arange(30), weights.astype(int))
    expected, found = (LEARNERS[name](counts[rows], labels[rows], None, None),
                       LEARNERS[name](counts, labels, None, weights))
    np.testing.assert_allclose(found.kernel, expected.kernel, atol=2e-3)
    np.testing.assert_allclose(found.bias, expected.bias, atol=2e-3)
    assert np.abs(found.kernel - LEARNERS[name](counts, labels, None, None).kernel).max() > 0.01


@pytest.mark.parametrize("name", LEARNERS)
def test_weights_of_one_change_no_bit(name: str) -> None:
    terms = count_terms(TOKENS, 2, 9)
    one, other = (LEARNERS[name](terms.counts, LABELS, "balanced", weights)
                  for weights in (None, np.ones(len(LABELS), np.float32)))
    np.testing.assert_array_equal(one.kernel, other.kernel)
    np.testing.assert_array_equal(one.bias, other.bias)


def test_three_classes_one_against_the_rest() -> None:
    labels = np.array([text[0] % 3 for text in TEXTS], np.int32)
    terms = count_terms(TOKENS, 3, 9)
    fitted = fit_nb_svm(terms.counts, labels, "balanced")
    assert fitted.kernel.shape == (len(terms.keys), 3)
    present = (terms.counts > 0).astype(np.float32)
    assert ((present @ fitted.kernel + fitted.bias).argmax(axis=1) == labels).mean() > 0.8
