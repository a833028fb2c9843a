import keras
import numpy as np
import pytest

from sentiment.layers import Ensemble, MemberIds

IDS = np.array([[2, 3, 4, 5, 6, 7, 8], [5, 5, 2, 0, 0, 0, 0], [9, 8, 7, 6, 5, 0, 0]], np.int32)
OWN = np.array([0, 1, 7, 1, 2, 3, 4, 1, 5, 6], np.int32)


@pytest.mark.parametrize(("head", "tail"), [(2, 2), (3, 0), (0, 3), (1, 3), (50, 50)])
def test_member_ids_are_translated_and_truncated(head: int, tail: int) -> None:
    layer = MemberIds(10, head, tail)
    layer.build(IDS.shape)
    layer.own.assign(OWN)
    answers = np.asarray(layer(IDS))
    for row, ids in enumerate(IDS):
        own = [int(OWN[one]) for one in ids if one]
        kept = own if len(own) <= head + tail else own[:head] + own[len(own) - tail:]
        assert [one for one in answers[row] if one] == kept
        assert answers[row][:len(kept)].tolist() == kept  # the padding is on the right


def test_initial_translation_is_the_identity() -> None:
    assert (np.asarray(MemberIds(10, 50, 0)(IDS)) == IDS).all()


def test_ensemble_is_the_mean_of_its_members_and_survives_serialization() -> None:
    def member(seed: int) -> keras.Model:
        keras.utils.set_random_seed(seed)
        ids = keras.Input((None,), dtype="int32")
        words = keras.layers.Embedding(10, 4, embeddings_initializer="normal")(ids)
        return keras.Model(ids, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling1D()(words)))

    members = [member(seed) for seed in (1, 2, 3)]
    ensemble = Ensemble(members, [MemberIds(10, 50, 0) for _ in members])
    expected = np.mean([one(IDS) for one in members], axis=0)
    np.testing.assert_allclose(ensemble(IDS), expected, atol=1e-6)
    again = Ensemble.from_config(ensemble.get_config())
    again(IDS)
    again.set_weights(ensemble.get_weights())
    np.testing.assert_allclose(again(IDS), expected, atol=1e-6)
