"""Test of the example of a new architecture in the documentation."""

import re
from pathlib import Path

import numpy as np
from helpers.small_models import IDS

from sentiment import architectures
from sentiment.architectures import Sizes, registry
from sentiment.config import ModelConfig

PAGE = Path(__file__).parents[2] / "docs" / "architectures.md"


def test_documented_architecture_builds_a_model() -> None:
    (block,) = re.findall(r"```python\n(\"\"\"A bidirectional.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(block.splitlines()) <= 25
    try:
        exec(compile(block, "bilstm_gru.py", "exec"), {"__name__": "bilstm_gru"})  # noqa: S102
        config = ModelConfig(architecture="bilstm-gru", units=4, embedding_size=6)
        model = architectures.build(config, Sizes(30, 3))
        padded = np.pad(IDS, [[0, 0], [0, 5]])
        np.testing.assert_allclose(np.asarray(model(padded)), np.asarray(model(IDS)), atol=1e-5)
        assert model.output_shape == (None, 3)
    finally:
        registry._REGISTRY.pop("bilstm-gru", None)
