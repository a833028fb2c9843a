import keras
import numpy as np
import pytest

from sentiment.layers import WordDropout

IDS = np.tile(np.array([[5, 6, 7, 8, 0, 0]], np.int32), (4000, 1))


def test_share_of_real_words_is_replaced_by_the_unknown_id() -> None:
    dropped = keras.ops.convert_to_numpy(WordDropout(0.3, seed=1)(IDS, training=True))
    assert dropped.dtype == np.int32
    assert set(np.unique(dropped)) == {0, 1, 5, 6, 7, 8}
    assert not dropped[:, 4:].any()
    assert abs((dropped[:, :4] == 1).mean() - 0.3) < 0.015
    kept = dropped != 1
    assert (dropped[kept] == IDS[kept]).all()


def test_dropout_is_random_and_in_training_only() -> None:
    layer = WordDropout(0.5, seed=1)
    assert (keras.ops.convert_to_numpy(layer(IDS)) == IDS).all()
    first, second = layer(IDS, training=True), layer(IDS, training=True)
    assert (keras.ops.convert_to_numpy(first) != keras.ops.convert_to_numpy(second)).any()


def test_config_round_trip_and_invalid_arguments() -> None:
    layer = WordDropout(0.2, unknown_id=3, seed=4)
    assert WordDropout.from_config(layer.get_config()).get_config() == layer.get_config()
    with pytest.raises(ValueError, match="below 1, not 1"):
        WordDropout(1.0)
