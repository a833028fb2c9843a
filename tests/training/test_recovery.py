"""A run that is broken off and goes on ends with the same bits as one that was not."""

import signal
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers.interruption import BreakOff, BrokenOffError
from helpers.selection import selected
from helpers.trainers import make_trainer

from sentiment.config import TrainingConfig
from sentiment.errors import DivergedError, Interrupted, UserError
from sentiment.precision import precision
from sentiment.training.callbacks import make_callbacks
from sentiment.training.checkpoints import Checkpoints
from sentiment.training.optimization import make_optimizer
from sentiment.training.recovery import Place, Recovery
from sentiment.training.row_adam import RowAdam

EPOCHS, STEPS = 4, 7  # 50 texts in batches of 8
DROPOUT = {"word_dropout": 0.2, "embedding_dropout": 0.3, "output_dropout": 0.3}
RUNS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "adam": ({}, {}),
    "adam by rows": ({"by_rows": True}, {}),
    "cosine": ({"schedule": "cosine", "by_rows": True}, {}),
    "plateau": ({"schedule": "plateau", "plateau_patience": 1, "learning_rate": 0.3}, {}),
    "momentum": ({"optimizer": "sgd", "learning_rate": 0.1}, {}),
    "average": ({"ema": 0.9}, {}),
    "noise": ({"gradient_noise": 0.1, "clip_norm": 1.0}, {}),
    "mixed objective": ({"objective": "mixed"}, {}),
    "recurrent dropout": ({}, {"recurrent_dropout": 0.3}),
    "weight drop": ({}, {"weight_drop": 0.3}),
    "batch normalisation": ({}, {"normalization": "batch", "layers": 2}),
    "half precision": ({"half": True}, {}),
}


def recovery(folder: Path, steps: int | None = 2, identity: str = "these texts") -> Recovery:
    return Recovery(Checkpoints(folder / "checkpoints"), steps=steps, minutes=60, identity=identity)


def run(name: str, folder: Path, *others: keras.callbacks.Callback, steps: int | None = 2
        ) -> tuple[list[np.ndarray], dict[str, list[float]], str]:
    """Train from the start or the newest checkpoint; return all variables, the history and its file."""
    settings, options = RUNS[name]
    settings = {"patience": 2, "learning_rate": 0.05, **settings}
    half, by_rows = settings.pop("half", False), settings.pop("by_rows", False)
    config = TrainingConfig.from_dict(settings)
    keras.utils.set_random_seed(3)
    with precision(half):
        trainer = make_trainer(make_optimizer(config, EPOCHS * STEPS, by_rows=by_rows), settings=settings,
                               unlabelled=config.uses_unlabelled, **{**DROPOUT, **options})
    folder.mkdir(exist_ok=True)
    callbacks = [*make_callbacks(config, EPOCHS, folder / "history.csv", None), *others]
    history = trainer.fit(epochs=EPOCHS, callbacks=callbacks, recovery=recovery(folder, steps))
    variables = [variable.numpy() for variable in trainer.variables]
    return variables, history, (folder / "history.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", selected(RUNS, ["adam by rows"]))
def test_same_bits(name: str, tmp_path: Path) -> None:
    expected, history, file = run(name, tmp_path / "whole")
    assert len(history["loss"]) > 2
    for steps in (4, 9):  # a process after another
        with pytest.raises(BrokenOffError):
            run(name, tmp_path / "parts", BreakOff(steps))
    variables, parts_history, parts_file = run(name, tmp_path / "parts")
    for mine, other in zip(variables, expected, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert parts_history == history
    assert parts_file == file


def test_goes_on_within_an_epoch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BrokenOffError):
        run("adam", tmp_path, BreakOff(STEPS + 6))
    trained: list[int] = []
    seen = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: trained.append(batch))
    run("adam", tmp_path, seen)
    assert "resuming after step 12, batch 5 of 7 in epoch 2" in capsys.readouterr().err
    assert trained[:4] == [5, 6, 0, 1]


def test_a_finished_training_is_not_trained_again(tmp_path: Path) -> None:
    expected, history, _ = run("adam by rows", tmp_path)
    variables, again, _ = run("adam by rows", tmp_path, BreakOff(1))
    for mine, other in zip(variables, expected, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert again == history


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_after_the_step_and_a_checkpoint(number: signal.Signals, tmp_path: Path) -> None:
    steps: list[int] = []

    class Raise(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
            steps.append(batch)
            if len(steps) == 4:
                signal.raise_signal(number)

    before = signal.getsignal(number)
    with pytest.raises(Interrupted) as interruption:
        run("adam", tmp_path, Raise(), steps=None)
    assert interruption.value.exit_code == 128 + number
    assert len(steps) == 4
    found = Checkpoints(tmp_path / "checkpoints").latest()
    assert found is not None
    assert found.state["place"]["batch"] == 4
    assert signal.getsignal(number) is before


def test_a_signal_during_validation_loses_nothing(tmp_path: Path) -> None:
    class Raise(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
            if batch == STEPS - 1:
                self.model.optimizer.catch_up_all = lambda: signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Interrupted):
        run("adam by rows", tmp_path, Raise(), steps=None)
    found = Checkpoints(tmp_path / "checkpoints").latest()
    assert found is not None
    assert Place(**found.state["place"]).batch == STEPS
    assert run("adam by rows", tmp_path)[1] == run("adam by rows", tmp_path / "whole")[1]


def test_by_time(tmp_path: Path) -> None:
    saved = Recovery(Checkpoints(tmp_path), steps=None, minutes=0, identity="")
    saved.start([], [], STEPS)
    saved.after_step(Place(0, 3))
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000003.checkpoint"]
    rarely = Recovery(Checkpoints(tmp_path), steps=None, minutes=1, identity="")
    rarely.start([], [], STEPS)
    rarely.after_step(Place(0, 4))
    assert len(list(tmp_path.iterdir())) == 1


def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path) -> None:
    class Spoil(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
            if batch == 3:
                self.model.get_layer("logits").bias.assign([np.inf])

    with pytest.raises(DivergedError, match="the loss became nan at batch 5 of epoch 1"):
        run("adam", tmp_path, Spoil(), steps=1)
    found = Checkpoints(tmp_path / "checkpoints").latest()
    assert found is not None
    assert found.state["place"]["batch"] == 3


def test_other_texts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenOffError):
        run("adam", tmp_path, BreakOff(4))
    with pytest.raises(UserError, match=r"the texts are not those that the checkpoints in .* were made with"):
        recovery(tmp_path, identity="other texts")


def test_checkpoints_of_another_version_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenOffError):
        run("adam", tmp_path, BreakOff(4))
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    found = checkpoints.latest()
    assert found is not None
    place = found.state["place"]
    place["right"] = place.pop("metrics")["accuracy"][0]
    checkpoints.save(99, found)
    with pytest.raises(UserError, match="were made by another version of sentiment"):
        recovery(tmp_path)


def test_rows_are_what_the_test_thinks() -> None:
    assert isinstance(make_optimizer(TrainingConfig(), 10, by_rows=True), RowAdam)


def test_a_place_is_saved_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step and the end of each epoch are due; the last step of an epoch is both."""
    saved: list[tuple[int, Any]] = []
    save = Checkpoints.save

    def noted(self: Checkpoints, step: int, checkpoint: Any) -> None:
        saved.append((step, checkpoint.state["place"]))
        save(self, step, checkpoint)

    monkeypatch.setattr(Checkpoints, "save", noted)
    run("adam", tmp_path, steps=1)
    places = [(place["epoch"], place["batch"], place["finished"]) for _, place in saved]
    assert len(places) == len(set(places)) == EPOCHS * (STEPS + 1)
