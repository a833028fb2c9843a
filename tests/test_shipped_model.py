"""The trained model in the repository answers in a fresh clone, is small, and its card tells what it is."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import Cli
from helpers.selection import selected

import sentiment
from sentiment.artifacts import RunFolder
from sentiment.data.sample import sample_texts
from sentiment.runs import resolve
from sentiment.runs.training import check_start
from sentiment.shipped import shipped_export, shipped_run

ROOT = Path(__file__).parents[1]
FOLDER = shipped_run()
LIMIT = 45_000_000


def test_size() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= LIMIT


def test_the_export_answers_as_the_run() -> None:
    """On reviews of the sample; the largest difference of a probability is that of float32 sums in another order."""
    texts = list(sample_texts())[:200]
    np.testing.assert_allclose(sentiment.load().predict_proba(texts), sentiment.load(FOLDER).predict_proba(texts),
                               atol=1e-5)
    assert shipped_export() == FOLDER / "onnx"


@pytest.mark.parametrize(("text", "label"), selected([
    ("A wonderful film, moving and beautifully acted. One of the best I have seen.", "positive"),
    ("A waste of time: the plot is stupid and the acting is terrible.", "negative"),
    ("Not good at all, I want my two hours back.", "negative"),
    ("I expected to hate it, but it is charming and very funny.", "positive"),
], short=[("Not good at all, I want my two hours back.", "negative")]))
def test_answers(text: str, label: str, run_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    code, out, err = run_cli("predict", text, "--json")
    assert code == 0, err
    assert json.loads(out)["label"] == label


def test_the_card_says_what_was_measured() -> None:
    folder = RunFolder.open(FOLDER)
    measured, card = folder.load_metrics(), folder.card.read_text(encoding="utf-8")
    assert measured["dataset"]["name"] == "imdb"
    assert measured["test_texts_seen"]["labelled"] == 123  # IMDB's own repeats, and no more
    assert f"| test | {measured['test']['accuracy']:.4f} |" in card
    for heading in ("## Results", "## Use", "## Limits", "## Training"):
        assert heading in card


def test_it_holds_no_path_of_a_machine() -> None:
    for path in FOLDER.rglob("*"):
        if path.suffix in (".json", ".md", ".csv"):
            assert not re.search(r"/(tmp|home|root|work|Users)/", path.read_text(encoding="utf-8")), path


def test_a_classifier_can_start_from_it() -> None:
    config = resolve({"training": {"pretrained": str(FOLDER)}, "model": {"output_dropout": 0.1}})
    check_start(config)
    assert (config.model.attention, config.model.pooling, config.model.output_dropout) == ("none", "concat", 0.1)
    start = RunFolder.open(FOLDER).load_start()
    assert len(start.words) + 2 == config.text.vocabulary_size == 30_000
    assert len(start.digests) > 70_000
