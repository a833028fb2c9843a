"""Tests of every layer, compiled on the JAX backend in one separate process, against TensorFlow."""

import json
import os
import subprocess
import sys
from typing import Any

import keras
import numpy as np
import pytest
from helpers.layer_checks import first, set_weights

from sentiment import layers

RANDOM = np.random.default_rng(2)
WORDS = RANDOM.normal(size=(3, 6, 4)).astype(np.float32)
IDS = np.array([[3, 4, 5, 0, 0, 0], [2, 3, 0, 0, 0, 0], [1, 2, 3, 4, 5, 6]], np.int32)
KEYS = np.array([[2, 0], [2, 3], [3, 0], [4, 5]], np.int32)
CASES: dict[str, tuple[str, list[Any]]] = {
    "AdditiveAttention": ("AdditiveAttention(5)", [WORDS[:, :2], WORDS]),
    "CosineAttention": ("CosineAttention(5)", [WORDS[:, :2], WORDS]),
    "DotProductAttention": ("DotProductAttention()", [WORDS[:, :2], WORDS]),
    "EuclideanAttention": ("EuclideanAttention(5)", [WORDS[:, :2], WORDS]),
    "LuongAttention": ("LuongAttention('concat', 'local-p', 2)", [WORDS[:, :2], WORDS]),
    "SelfAttentivePooling": ("SelfAttentivePooling(5, 2)", [WORDS]),
    "MaskedPooling": ("MaskedPooling('concat')", [WORDS]),
    "MaskedConv1D": ("MaskedConv1D(5, 3, padding='same')", [WORDS]),
    "SinusoidalPositions": ("SinusoidalPositions()", [WORDS]), "EmbeddedWords": ("EmbeddedWords()", [WORDS]),
    "Embedding": ("Embedding(9, 5, mask_zero=True)", [IDS]),
    "LSTM": ("LSTM(5, return_sequences=True)", [WORDS]), "GRU": ("GRU(5)", [WORDS]),
    "QRNN": ("QRNN(5, window=3, pooling='ifo', return_sequences=True)", [WORDS]), "SRU": ("SRU(5)", [WORDS]),
    "MinGRU": ("MinGRU(5, go_backwards=True)", [WORDS]), "MinLSTM": ("MinLSTM(5)", [WORDS]),
    "RGLRU": ("RGLRU(5, return_sequences=True)", [WORDS]),
    "Bidirectional": ("Bidirectional(layers.GRU(5, reset_after=False))", [WORDS]),
    "LSTMCell": ("RNN(layers.LSTMCell(5, weight_normalization=True), return_sequences=True)", [WORDS]),
    "GRUCell": ("RNN(layers.GRUCell(5), return_sequences=True)", [WORDS]),
    "SimpleRNNCell": ("RNN(layers.SimpleRNNCell(5, weight_drop=0.3), return_sequences=True)", [WORDS]),
    "LayerNormLSTMCell": ("RNN(layers.LayerNormLSTMCell(5), return_sequences=True)", [WORDS]),
    "BigramEmbedding": ("BigramEmbedding(20)", [WORDS, IDS]),
    "LinearNgrams": ("LinearNgrams(4, 2, 2, 'tf-idf')", [IDS]),
    "WordDropout": ("WordDropout(0.5)", [IDS]),
    "JoinSentences": ("JoinSentences()", [WORDS.reshape(18, 4)[:6], IDS[:, :2] > 0]),
    "SplitSentences": ("SplitSentences((4,), 3)", [IDS, WORDS]),
    "MemberIds": ("MemberIds(9, 2, 1)", [IDS]),
    "Ensemble": ("Ensemble([keras.Sequential([keras.layers.Embedding(9, 4), keras.layers.GlobalMaxPooling1D()])], "
                 "[layers.MemberIds(9, 1, 2)])", [IDS]),
}

ON_JAX = """
import json, sys
sys.modules["tensorflow"] = None  # as where it is not installed
import jax, keras, numpy as np
from sentiment import layers
data, results = np.load(sys.argv[1]), {}
for name, case in json.loads(sys.argv[2]).items():
    layer = eval("layers." + case["make"])
    inputs = [data[f"{name}/input{place}"] for place in range(case["inputs"])]
    layer(*inputs)
    layer.set_weights([data[f"{name}/weight{place}"] for place in range(case["weights"])])
    result = jax.jit(lambda *values: layer(*values))(*inputs)
    results[name] = np.asarray(result[0] if isinstance(result, (list, tuple)) else result)
np.savez(sys.argv[3], **results)
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Outputs of each layer on TensorFlow and on JAX."""
    pytest.importorskip("jax", reason="jax is not installed: pip install '.[jax]'")
    folder = tmp_path_factory.mktemp("jax")
    arrays: dict[str, Any] = {}
    cases, expected = {}, {}
    for name, (make, inputs) in CASES.items():
        layer = eval("layers." + make, {"layers": layers, "keras": keras})  # noqa: S307
        layer(*inputs)
        if name == "LinearNgrams":
            layer.set_weights([KEYS, *(RANDOM.normal(size=one.shape) for one in layer.get_weights()[1:])])
        else:
            set_weights(layer)
        weights = layer.get_weights()
        arrays |= {f"{name}/input{place}": value for place, value in enumerate(inputs)}
        arrays |= {f"{name}/weight{place}": value for place, value in enumerate(weights)}
        cases[name] = {"make": make, "inputs": len(inputs), "weights": len(weights)}
        expected[name] = np.asarray(first(layer(*inputs)))
    np.savez(folder / "data.npz", allow_pickle=False, **arrays)
    done = subprocess.run([sys.executable, "-c", ON_JAX, str(folder / "data.npz"), json.dumps(cases),
                           str(folder / "results.npz")], env={**os.environ, "KERAS_BACKEND": "jax"},
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return expected, dict(np.load(folder / "results.npz"))


def test_every_layer_has_a_case() -> None:
    assert set(CASES) | {"RNN"} == set(layers.__all__)  # RNN runs with each cell


@pytest.mark.extended
@pytest.mark.parametrize("name", CASES)
def test_outputs_on_jax_match_tensorflow(name: str, results: tuple[dict[str, np.ndarray], dict[str, np.ndarray]]
                                         ) -> None:
    expected, found = results[0][name], results[1][name]
    if name == "SplitSentences":  # under a fixed shape there are as many rows as words; those with words are the same
        found = found.reshape(3, 6, 3, 4)
        assert not found[:, expected.shape[0] // 3:].any()
        found = found[:, :expected.shape[0] // 3].reshape(expected.shape)
    np.testing.assert_allclose(found, expected, atol=1e-5)
