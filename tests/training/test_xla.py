"""Test of the training step compiled by XLA, as for a TPU, with the loops that TPUs run."""

from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from helpers.trainers import make_trainer

from sentiment.layers import fused, scan
from sentiment.training.loop import dataset_of


@pytest.mark.extended
@pytest.mark.parametrize("name", ["bilstm", "gru", "biqrnn", "rglru", "cnn"])
def test_training_step_compiles_in_xla_with_the_same_losses(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "fused_loop_applies", lambda layer, training: False)
    monkeypatch.setattr(scan, "on_tpu", lambda: True)
    losses, lengths = [], set()
    for compiled in (False, True):
        trainer = make_trainer(settings={"clip_norm": 0.05, "l2": 0.01}, architecture=name)
        dataset = dataset_of(partial(trainer.task.batches, 0, 0), trainer.task.signature)
        step = tf.function(lambda batch, of=trainer: of._replica_step(batch, [])[0], jit_compile=compiled,
                           input_signature=[dataset.element_spec])
        losses.append([float(step(batch)) for batch in dataset])
        lengths |= {batch[0][0].shape[1] for batch in dataset}
        assert step.experimental_get_tracing_count() == 1
    assert len(lengths) > 1
    np.testing.assert_allclose(losses[0], losses[1], atol=1e-4)
