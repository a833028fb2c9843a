import json
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import Cli

from sentiment.config import RunConfig
from sentiment.data import load_corpus
from sentiment.errors import UserError
from sentiment.training.rate_finder import HIGHEST, LOWEST, find_rate, smooth, steepest
from sentiment.training.strategy import make_strategy

SMALL = {"units": 4, "embedding_size": 8}


def test_the_steepest_fall_by_the_logarithm() -> None:
    """A sigmoid in log10 of the rate falls fastest at its middle; what follows the lowest loss does not count."""
    rates = np.geomspace(1e-6, 1, 601)
    losses = 1 - 1 / (1 + np.exp(-4 * (np.log10(rates) + 3)))
    losses[500:] += np.linspace(0, 50, 101)
    losses[560:] -= np.linspace(0, 49, 41)
    assert steepest(rates, losses) == pytest.approx(1e-3, rel=0.05)


def test_no_rate_where_the_loss_does_not_fall() -> None:
    rates = np.geomspace(1e-6, 1, 200)
    losses = 0.7 + 0.003 * np.sin(np.arange(200)) + (rates > 0.1) * rates
    losses[0] = 0.6
    assert steepest(rates, losses) is None


def test_smoothing_has_no_start_at_zero() -> None:
    assert smooth([0.7, 0.7, 0.7]) == pytest.approx([0.7] * 3)
    assert smooth([1.0, 0.0]) == pytest.approx([1.0, 0.95 * 0.05 / (1 - 0.95**2)])


@pytest.mark.extended
def test_the_rate_rises_and_the_losses_are_those_of_single_steps(tiny_csv: Path) -> None:
    config = RunConfig().updated({"data": {"dataset": str(tiny_csv)}, "model": SMALL,
                                  "training": {"batch_size": 8, "optimizer": "sgd"}})
    curve = find_rate(config, load_corpus(config.data, 1), make_strategy("single"))
    assert curve.rates[0] == pytest.approx(LOWEST)
    assert np.diff(np.log(curve.rates)) == pytest.approx(np.log(HIGHEST / LOWEST) / 199)
    assert len(curve.losses) == len(curve.rates) > 100
    assert curve.losses[:20] == pytest.approx(0.69, abs=0.15)
    assert curve.losses.min() < 0.6
    assert curve.suggested is not None
    assert 1e-4 < curve.suggested <= 1.0


def test_the_command_draws_and_suggests(tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    words = ["train", "--dataset", tiny_csv, "--units", "4", "--embedding-size", "8", "--batch-size", "8", "--find-lr"]
    code, out, err = run_cli(*words, tmp_path / "curve.png", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert len(found["rates"]) == len(found["losses"])
    assert (tmp_path / "curve.png").stat().st_size > 5000
    assert [path.name for path in tmp_path.iterdir()] == ["curve.png"]
    code, _, err = run_cli(*words, tmp_path / "curve.txt")
    assert (code, "--find-lr is a .png, .svg or .pdf file" in err) == (1, True)


def test_a_linear_model_has_no_rate(tiny_csv: Path) -> None:
    config = RunConfig().updated({"data": {"dataset": str(tiny_csv)}, "model": {"architecture": "nb-svm"}})
    with pytest.raises(UserError, match="'nb-svm' is fitted at once: it has no learning rate"):
        find_rate(config, load_corpus(config.data, 1), make_strategy("single"))
