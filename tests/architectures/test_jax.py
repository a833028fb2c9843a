"""Test of the logits of every architecture on the JAX backend, without TensorFlow, against TensorFlow."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.selection import selected
from helpers.small_models import CASES, IDS, SENTENCE_ENDS, VOCABULARY, lively, logits, small

ON_JAX = """
import json, sys
sys.modules["tensorflow"] = None  # as where it is not installed
import numpy as np, keras
from sentiment import architectures
from sentiment.architectures import Sizes
from sentiment.config import ModelConfig
assert keras.backend.backend() == "jax"
data, results = np.load(sys.argv[1]), {}
for name, case in json.loads(sys.argv[2]).items():
    sizes = Sizes(case["vocabulary"], 2, tuple(case["ends"]), terms=case["terms"])
    model = architectures.build(ModelConfig.from_dict(case["config"]), sizes)
    model.set_weights([data[f"{name}/{place}"] for place in range(case["weights"])])
    results[name] = np.asarray(model(data["ids"], training=False))
np.savez(sys.argv[3], **results)
"""


SHORT = ["bilstm additive", "gru", "cnn"]
OTHERS = [name for name in CASES if name not in SHORT]


@pytest.mark.parametrize("names", selected([SHORT, OTHERS], [SHORT]), ids=["short", "others"])
def test_every_architecture_on_jax_matches_tensorflow(names: list[str], tmp_path: Path) -> None:
    """One process computes many, because its start is slow."""
    pytest.importorskip("jax", reason="jax is not installed: pip install '.[jax]'")
    arrays, cases, expected = {"ids": IDS}, {}, {}
    for name in names:
        architecture, options = CASES[name]
        model = lively(architecture, **options)
        weights = model.get_weights()
        arrays |= {f"{name}/{place}": value for place, value in enumerate(weights)}
        terms = model.get_layer("ngrams").terms if architecture in ("tfidf-lr", "nb-svm") else 1
        cases[name] = {"config": small(architecture, **options), "weights": len(weights), "terms": terms,
                       "vocabulary": VOCABULARY, "ends": SENTENCE_ENDS}
        expected[name] = logits(model)
    np.savez(tmp_path / "data.npz", allow_pickle=False, **arrays)
    done = subprocess.run([sys.executable, "-c", ON_JAX, str(tmp_path / "data.npz"), json.dumps(cases),
                           str(tmp_path / "results.npz")], env={**os.environ, "KERAS_BACKEND": "jax"},
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    results = np.load(tmp_path / "results.npz")
    for name, values in expected.items():
        np.testing.assert_allclose(results[name], values, atol=1e-4, err_msg=name)
