import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers.layer_checks import check_gradient, check_half, check_saving, set_weights

from sentiment.layers import BigramEmbedding, LinearNgrams
from sentiment.layers.ngrams import bigram_buckets

IDS = np.array([[3, 4, 3, 4, 5, 0, 0], [4, 3, 0, 0, 0, 0, 0], [5, 1, 3, 4, 3, 4, 3]], np.int32)
WORDS = np.random.default_rng(1).normal(size=(3, 7, 4)).astype(np.float32)


def by_hand(first: int, second: int, buckets: int) -> int:
    """Return the hash of a bigram, computed with Python's unbounded integers."""
    parts = (first // 1024 % 1024, first % 1024, second // 1024 % 1024, second % 1024)
    return sum(part * factor for part, factor in zip(parts, (444_443, 501_131, 354_371, 402_583), strict=True)
               ) % buckets + 1


def test_hash_matches_unbounded_integers_and_rarely_collides() -> None:
    ids = np.random.default_rng(1).integers(1, 2**20, size=(200, 50)).astype(np.int32)
    hashed = np.asarray(bigram_buckets(ids, 1000))
    assert all(hashed[row, step] == by_hand(int(ids[row, step]), int(ids[row, step + 1]), 1000)
               for row in range(200) for step in range(49))
    assert not hashed[:, -1].any()
    pairs = np.array([[first, second] for first in range(2, 102) for second in range(2, 102)], np.int32)
    # 10,000 pairs of frequent words hardly meet in a million buckets.
    assert len(set(np.asarray(bigram_buckets(pairs, 10**6))[:, 0].tolist())) > 9900


def test_each_word_gets_the_vector_of_its_bigram() -> None:
    layer = BigramEmbedding(20)
    layer(WORDS, IDS)
    set_weights(layer)
    table = layer.get_weights()[0]
    result = np.asarray(layer(WORDS, IDS))
    for row, length in enumerate([5, 2, 7]):
        for step in range(7):
            pair = table[by_hand(int(IDS[row, step]), int(IDS[row, step + 1]), 20)] if step + 1 < length else 0
            np.testing.assert_allclose(result[row, step], WORDS[row, step] + pair, atol=1e-6)


def test_bigram_embedding_numerical_gradient_saving_and_half_precision(tmp_path: Path) -> None:
    check_gradient(lambda **k: BigramEmbedding(20, **k), [WORDS, IDS])
    check_saving(BigramEmbedding(20), [WORDS, IDS], tmp_path)
    check_half(lambda **k: BigramEmbedding(20, **k), [WORDS, IDS])


KEYS = np.array([[3, 0, 0], [3, 4, 0], [3, 4, 3], [4, 0, 0], [5, 0, 0]], np.int32)
IDF = np.array([1.0, 1.5, 2.0, 0.7, 3.0], np.float32)


def linear(counting: str, outputs: int = 2) -> keras.layers.Layer:
    layer = LinearNgrams(5, 3, outputs, counting)
    layer(IDS)
    random = np.random.default_rng(3)
    for variable, value in ((layer.keys, KEYS), (layer.idf, IDF), (layer.kernel, random.normal(size=(5, outputs))),
                            (layer.bias, random.normal(size=outputs))):
        variable.assign(value)
    return layer


def expected_logits(layer: keras.layers.Layer, ids: list[int]) -> Any:
    """Return the logits of a text, computed with a dictionary of its n-grams."""
    counts: dict[tuple[int, ...], int] = {}
    for length in (1, 2, 3):
        for start in range(len(ids) - length + 1):
            gram = tuple(ids[start:start + length])
            counts[gram] = counts.get(gram, 0) + 1
    values = np.zeros(5)
    for row, key in enumerate(KEYS.tolist()):
        count = counts.get(tuple(word for word in key if word), 0)
        if count:
            values[row] = (1 + math.log(count)) * IDF[row] if layer.counting == "tf-idf" else 1.0
    if layer.counting == "tf-idf":
        values /= np.linalg.norm(values) or 1.0
    return values @ np.asarray(layer.kernel) + np.asarray(layer.bias)


@pytest.mark.parametrize("counting", ["tf-idf", "binary"])
def test_linear_ngrams_match_a_python_reference(counting: str) -> None:
    layer = linear(counting)
    texts = [[3, 4, 3, 4, 5], [4, 3], [5, 1, 3, 4, 3, 4, 3], [9, 9], [3]]
    ids = np.zeros((5, 9), np.int32)
    for row, text in enumerate(texts):
        ids[row, :len(text)] = text
    np.testing.assert_allclose(np.asarray(layer(ids)), [expected_logits(layer, text) for text in texts], atol=1e-5)


@pytest.mark.parametrize("counting", ["tf-idf", "binary"])
def test_contributions_of_positions_add_up_to_the_logit(counting: str) -> None:
    layer = linear(counting)
    rows, shares = (np.asarray(value) for value in layer.values(IDS))
    kernel, bias = np.asarray(layer.kernel), np.asarray(layer.bias)
    for row in range(3):
        known = rows[row] < 5
        total = (kernel[rows[row][known]] * shares[row][known, None]).sum(axis=0) + bias
        np.testing.assert_allclose(total, np.asarray(layer(IDS))[row], atol=1e-5)


@pytest.mark.parametrize("terms", [1, 2, 3, 8, 9])
def test_binary_search_finds_every_key_of_tables_of_any_size(terms: int) -> None:
    layer = LinearNgrams(terms, 1, 1, "binary")
    ids = np.arange(1, 2 * terms + 3, dtype=np.int32)[None, :]
    layer(ids)
    layer.keys.assign(np.arange(2, 2 * terms + 2, 2, dtype=np.int32)[:, None])
    found = np.asarray(layer.rows_of(layer.ngrams(ids)))[0]
    assert found.tolist() == [(word // 2 - 1 if word % 2 == 0 and word <= 2 * terms else terms)
                              for word in range(1, 2 * terms + 3)]


def test_saved_linear_ngrams_match(tmp_path: Path) -> None:
    layer = linear("tf-idf")
    model = keras.Sequential([keras.Input((None,), dtype="int32"), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(np.asarray(loaded(IDS)), np.asarray(layer(IDS)), atol=1e-6)
