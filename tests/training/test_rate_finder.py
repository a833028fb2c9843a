import json
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import Cli

import sentiment
from sentiment.config import RunConfig
from sentiment.data import load_corpus
from sentiment.errors import UserError
from sentiment.evaluation.plots import rate_curve
from sentiment.runs import resolve
from sentiment.training import rate_finder
from sentiment.training.rate_finder import HIGHEST, LOWEST, STEPS, RateCurve, find_rate, moving_average
from sentiment.training.strategy import make_strategy

RATES = np.geomspace(LOWEST, HIGHEST, STEPS)
SMALL = {"units": 4, "embedding_size": 8}


def fallen(middle: float, depth: float) -> np.ndarray:
    """Return losses that fall from 0.7 by `depth` around a rate, and rise above 0.1."""
    return 0.7 - depth / (1 + (middle / RATES) ** 2) + np.maximum(0, RATES / 0.1 - 1)


def test_half_of_the_fall_without_noise() -> None:
    assert RateCurve.of(RATES, fallen(3e-3, 0.4)).suggested == pytest.approx(3e-3, rel=0.1)


@pytest.mark.parametrize("tail", ["normal", "exponential"])
@pytest.mark.parametrize("growing", [False, True])
def test_noise_is_hardly_ever_recommended(tail: str, growing: bool) -> None:
    """Losses at chance, then an explosion; growing noise is five times as large before that."""
    found = []
    for deviation in (0.005, 0.02, 0.05, 0.15):
        for seed in range(50):
            random = np.random.default_rng(seed)
            noise = random.normal(size=STEPS) if tail == "normal" else random.exponential(size=STEPS) - 1
            scale = deviation * (1 + 4 * growing * (RATES > 0.01))
            found.append(RateCurve.of(RATES, 0.7 + scale * noise + np.maximum(0, RATES / 0.1 - 1)).suggested)
    assert len(found) - found.count(None) <= 2  # of 200


@pytest.mark.parametrize("middle", [5e-4, 3e-3, 2e-2])
@pytest.mark.parametrize(("depth", "deviation"), [(0.1, 0.02), (0.2, 0.05), (0.5, 0.1)])
def test_a_fall_in_noise_is_found_where_it_is(middle: float, depth: float, deviation: float) -> None:
    for seed in range(20):
        noise = np.random.default_rng(seed).normal(0, deviation, STEPS)
        suggested = RateCurve.of(RATES, fallen(middle, depth) + noise).suggested
        assert suggested is not None
        assert middle / 3 < suggested < middle * 3


def test_a_dip_of_a_few_steps_is_no_fall() -> None:
    losses = 0.7 + np.random.default_rng(1).normal(0, 0.05, STEPS)
    losses[380:384] -= 0.15
    assert RateCurve.of(RATES, losses).suggested is None


def test_a_sure_but_tiny_fall_is_not_recommended() -> None:
    assert RateCurve.of(RATES, fallen(3e-3, 0.01)).suggested is None
    assert RateCurve.of(RATES, np.full(STEPS, 0.7)).suggested is None


def test_the_moving_average_lags_in_no_direction() -> None:
    ramp = np.arange(200.0)
    average, squares = moving_average(ramp)
    assert average[40:160] == pytest.approx(ramp[40:160], abs=0.51)  # an even width has no middle step
    assert moving_average(np.full(200, 0.7))[0] == pytest.approx(np.full(200, 0.7))
    spread = np.random.default_rng(1).normal(size=(2000, 200))
    measured = np.std([moving_average(row)[0] for row in spread], axis=0)
    assert measured == pytest.approx(np.sqrt(squares), rel=0.1)


@pytest.mark.extended
def test_the_rate_rises_and_the_losses_are_those_of_single_steps(tiny_csv: Path) -> None:
    config = RunConfig().updated({"data": {"dataset": str(tiny_csv)}, "model": SMALL,
                                  "training": {"batch_size": 8, "optimizer": "sgd"}})
    curve = find_rate(config, load_corpus(config.data, 1), make_strategy("single"))
    assert curve.rates[0] == pytest.approx(LOWEST)
    assert np.diff(np.log(curve.rates)) == pytest.approx(np.log(HIGHEST / LOWEST) / (STEPS - 1))
    assert len(curve.losses) == len(curve.rates) > 250
    assert curve.losses[:20] == pytest.approx(0.69, abs=0.15)
    assert curve.smoothed.min() < 0.6
    assert curve.suggested is not None
    assert 1e-4 < curve.suggested <= 1.0


@pytest.mark.extended
@pytest.mark.parametrize("arch", ["gru", "bilstm", "lstm"])
def test_the_recommended_rate_beats_a_tenth_of_it_and_ten_times_it(arch: str) -> None:
    """It trains, as only the validation loss of trainings can tell whether a rate is good."""
    config = resolve({"data": {"dataset": "sample"}, "model": {"architecture": arch}})
    curve = find_rate(config, load_corpus(config.data, 1), make_strategy("single"))
    assert curve.suggested is not None
    tenth, recommended, tenfold = (
        sentiment.train("sample", arch=arch, learning_rate=curve.suggested * factor, epochs=6, patience=6, export=False,
                        verbose=False).history["val_loss"].iloc[-1] for factor in (0.1, 1, 10))
    assert recommended < tenth
    assert recommended < tenfold


def test_the_command_draws_and_suggests(tiny_csv: Path, tmp_path: Path, run_cli: Cli,
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_finder, "STEPS", 120)
    words = ["train", "--dataset", tiny_csv, "--units", "4", "--embedding-size", "8", "--batch-size", "8", "--find-lr"]
    code, out, err = run_cli(*words, tmp_path / "curve.png", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert len(found["rates"]) == len(found["losses"]) == len(found["smoothed"])
    assert (tmp_path / "curve.png").stat().st_size > 5000
    assert [path.name for path in tmp_path.iterdir()] == ["curve.png"]
    code, _, err = run_cli(*words, tmp_path / "curve.txt")
    assert (code, "--find-lr must be a .png, .svg or .pdf file" in err) == (1, True)


def test_the_command_says_that_noise_explains_the_fall(tiny_csv: Path, tmp_path: Path, run_cli: Cli,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    flat = RateCurve.of(RATES, 0.7 + np.random.default_rng(1).normal(0, 0.05, STEPS))
    monkeypatch.setattr(rate_finder, "find_rate", lambda *_: flat)
    words = ["train", "--dataset", tiny_csv, "--learning-rate", "0.003", "--find-lr", tmp_path / "curve.svg"]
    code, out, err = run_cli(*words)
    assert code == 0, err
    assert out.startswith(f"no rate is recommended: the loss decreased by {flat.fall:.3f}, and a decrease below "
                          f"{flat.noise:.3f} may be noise. Keep --learning-rate 0.003, or ")
    assert "more training texts or a larger --batch-size" in out
    assert json.loads(run_cli(*words, "--json")[1])["suggested"] is None


@pytest.mark.parametrize(("depth", "shown"), [(0.0, "No recommendation: the decrease may be noise"),
                                              (0.5, "recommended: 3.0e-03")])
def test_the_plot_has_the_steps_the_average_and_the_recommendation(tmp_path: Path, depth: float, shown: str) -> None:
    curve = RateCurve.of(RATES, fallen(3e-3, depth))
    rate_curve(curve.rates, curve.losses, curve.smoothed, curve.suggested, tmp_path / "curve.svg")
    drawn = (tmp_path / "curve.svg").read_text(encoding="utf-8")  # matplotlib repeats each text in a comment
    assert all(f"<!-- {text} -->" in drawn for text in ("single steps", "smoothed", shown))


def test_a_linear_model_has_no_rate(tiny_csv: Path) -> None:
    config = RunConfig().updated({"data": {"dataset": str(tiny_csv)}, "model": {"architecture": "nb-svm"}})
    with pytest.raises(UserError, match="'nb-svm' is fitted at once: it has no learning rate"):
        find_rate(config, load_corpus(config.data, 1), make_strategy("single"))
