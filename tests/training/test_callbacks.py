"""Tests of the log line of an epoch and its estimate of the remaining time."""

import pytest

from sentiment.training.callbacks import ProgressDisplay


def lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, steps: int,
          seconds: list[list[float]], validation: list[float], epochs: int) -> list[str]:
    """Return the ends of the lines of the epochs, whose steps and validation take so many seconds."""
    now = [100.0]
    monkeypatch.setattr("sentiment.training.callbacks.time.perf_counter", lambda: now[0])
    display = ProgressDisplay(lambda _: "x")
    display.set_params({"epochs": epochs, "steps": steps})
    display.on_train_begin()
    for epoch, of_steps in enumerate(seconds):
        display.on_epoch_begin(epoch)
        for step, passed in enumerate(of_steps):
            now[0] += passed
            display.on_train_batch_end(step)
        now[0] += validation[epoch]
        display.on_epoch_end(epoch)
    display.on_train_end()
    return [line.rpartition("  ")[2] for line in capsys.readouterr().err.splitlines()]


def test_remaining_time_excludes_tracing_and_is_omitted_after_the_last_epoch(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    steps = [[20.0, *[1.0] * 19], [1.0] * 20, [2.0] * 20]
    assert lines(monkeypatch, capsys, steps=20, seconds=steps, validation=[10.0, 2.0, 2.0], epochs=3) == [
        "49 s, at most 40 s left", "71 s, at most 22 s left", "113 s"]
    assert lines(monkeypatch, capsys, steps=20, seconds=steps, validation=[10.0, 2.0, 2.0], epochs=4) == [
        "49 s, at most 60 s left", "71 s, at most 44 s left", "113 s, at most 32 s left"]


def test_no_remaining_time_after_a_first_epoch_of_few_steps(monkeypatch: pytest.MonkeyPatch,
                                                            capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(monkeypatch, capsys, steps=1, seconds=[[20.0], [1.0]], validation=[4.0, 1.0], epochs=1000) == [
        "24 s", "26 s, at most 1996 s left"]
