from pathlib import Path

import keras
import numpy as np
import pytest
from helpers.layer_checks import check_gradient, check_saving

from sentiment.layers import MaskedPooling

STATES = np.random.default_rng(1).normal(size=(4, 5, 6)).astype(np.float32)
LENGTHS = [5, 3, 1, 2]
MASK = np.arange(5) < np.array(LENGTHS)[:, None]


def reference(mode: str, bidirectional: bool) -> np.ndarray:
    """Compute the pooling row by row in NumPy."""
    rows = []
    for states, length in zip(STATES, LENGTHS, strict=True):
        real = states[:length]
        last = np.concatenate([real[-1, :3], real[0, 3:]]) if bidirectional else real[-1]
        pools = {"last": last, "max": real.max(axis=0), "mean": real.mean(axis=0)}
        rows.append(np.concatenate(list(pools.values())) if mode == "concat" else pools[mode])
    return np.array(rows)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("mode", ["last", "max", "mean", "concat"])
def test_outputs_match_a_numpy_reference(mode: str, bidirectional: bool) -> None:
    layer = MaskedPooling(mode, bidirectional)
    result = keras.ops.convert_to_numpy(layer(STATES, mask=MASK))
    np.testing.assert_allclose(result, reference(mode, bidirectional), atol=1e-6)
    assert layer.compute_output_shape(STATES.shape) == result.shape


@pytest.mark.parametrize("mode", ["last", "max", "mean", "concat"])
def test_masked_steps_have_no_effect(mode: str) -> None:
    layer = MaskedPooling(mode)
    changed = np.where(MASK[:, :, None], STATES, 1e3).astype(np.float32)
    np.testing.assert_allclose(layer(changed, mask=MASK), layer(STATES, mask=MASK), atol=1e-6)
    np.testing.assert_allclose(layer(STATES[2:3, :1]), layer(STATES[2:3], mask=MASK[2:3]), atol=1e-6)


@pytest.mark.parametrize("mode", ["last", "max", "mean", "concat"])
@pytest.mark.parametrize("dtype", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_fully_masked_row_gives_zeros_in_every_precision(mode: str, dtype: str) -> None:
    layer = MaskedPooling(mode, bidirectional=True, dtype=dtype)
    result = keras.ops.convert_to_numpy(keras.ops.cast(layer(STATES, mask=np.zeros_like(MASK)), "float32"))
    assert not result.any()


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_is_near_float32(dtype: str) -> None:
    layer = MaskedPooling("concat", bidirectional=True, dtype=dtype)
    result = keras.ops.convert_to_numpy(keras.ops.cast(layer(STATES, mask=MASK), "float32"))
    np.testing.assert_allclose(result, reference("concat", True), atol=0.03)


def test_config_round_trip() -> None:
    layer = MaskedPooling("concat", bidirectional=True, name="p")
    again = MaskedPooling.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    with pytest.raises(ValueError, match="not 'median'"):
        MaskedPooling("median")


@pytest.mark.parametrize("mode", ["last", "max", "mean", "concat"])
def test_numerical_gradient_and_saving(mode: str, tmp_path: Path) -> None:
    check_gradient(lambda **k: MaskedPooling(mode, bidirectional=True, **k), [STATES], mask=MASK)
    check_saving(MaskedPooling(mode, bidirectional=True), [STATES], tmp_path)
