"""A model that was trained on the built-in sample says so wherever it answers.

No model is trained here: a run on other texts is one on the sample if its configuration says so.
"""

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from helpers.commands import Cli

import sentiment
from sentiment.artifacts import RunFolder, load_classifier
from sentiment.config.sections import OF_SAMPLE
from sentiment.explain import explain
from sentiment.explain.page import notebook_html
from sentiment.export import Original, export_onnx
from sentiment.inference import PortableClassifier

WARNING = f"warning: {OF_SAMPLE}\n"


@pytest.fixture(scope="module")
def toy(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on the sample, with its export for ONNX Runtime."""
    folder = RunFolder(shutil.copytree(tiny_run, tmp_path_factory.mktemp("toy") / "toy"))
    config = folder.load_config().updated({"data": {"dataset": "sample"}})
    folder.config.write_text(config.to_json(), encoding="utf-8")
    folder.save_checksums()
    export_onnx(Original(folder))
    return folder.path


@contextmanager
def logged() -> Iterator[list[str]]:
    """Yield the list of what is logged within the block."""
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("sentiment").addHandler(handler)
    try:
        yield messages
    finally:
        logging.getLogger("sentiment").removeHandler(handler)


def test_predict_says_it_once_on_stderr(toy: Path, tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    for model in (toy, toy / "onnx"):
        for words in (["a good film", "bad"], ["--input", tiny_csv], ["--input", tiny_csv, "--output",
                                                                      tmp_path / f"{model.name}.csv"]):
            code, out, err = run_cli("predict", "--model", model, *words)
            assert (code, err.count(WARNING)) == (0, 1)
            assert OF_SAMPLE not in out


def test_other_models_say_nothing(exported_run: Path, run_cli: Cli) -> None:
    for model in (exported_run, exported_run / "onnx"):
        assert run_cli("predict", "--model", model, "a good film")[2] == ""
    assert load_classifier(exported_run).notes == PortableClassifier.load(exported_run / "onnx").notes == ()
    assert OF_SAMPLE not in run_cli("info", exported_run)[2]


def test_loading_it_logs_it_once(toy: Path) -> None:
    for model in (toy, toy / "onnx"):
        with logged() as messages:
            loaded = sentiment.load(model)
            loaded.predict(["good"])
            loaded.predict(["bad"])
        assert messages == [OF_SAMPLE]
        assert loaded.notes == (OF_SAMPLE,)


def test_info_and_explain(toy: Path, tmp_path: Path, run_cli: Cli) -> None:
    assert run_cli("info", toy)[2].count(WARNING) == 1
    code, out, err = run_cli("explain", "--model", toy, "a good film", "--json", "--html", tmp_path / "page.html")
    assert (code, err.count(WARNING)) == (0, 1)
    assert json.loads(out)["notes"] == [OF_SAMPLE]
    assert f"<b>Note:</b> {OF_SAMPLE}." in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert OF_SAMPLE in notebook_html(explain(load_classifier(toy), "a good film"))


def test_evaluations_and_their_reports(toy: Path, tiny_run: Path, tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    code, out, err = run_cli("evaluate", toy, "--dataset", tiny_csv, "--json", "--report", tmp_path / "report")
    assert code == 0, err
    assert json.loads(out)["notes"][0] == OF_SAMPLE
    assert f"Note: {OF_SAMPLE}." in (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert run_cli("evaluate", toy, "--dataset", tiny_csv)[2].count(WARNING) == 1
    _, _, err = run_cli("compare", tiny_run, toy, "--dataset", tiny_csv)
    assert err.count(OF_SAMPLE) == err.count(f"warning: toy: {OF_SAMPLE}") == 1
    with logged() as messages:
        found = sentiment.Model(toy).evaluate(["a good film", "a bad film"], ["pos", "neg"])
        compared = sentiment.compare({"toy": sentiment.Model(toy), "other": sentiment.Model(tiny_run)},
                                     ["a good film", "a bad film"], ["pos", "neg"])
    assert messages[0] == OF_SAMPLE
    assert compared.notes[0] == f"toy: {OF_SAMPLE}"
    found.save(tmp_path / "own")
    assert OF_SAMPLE in (tmp_path / "own" / "index.html").read_text(encoding="utf-8")


def test_an_export_carries_the_mark(toy: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(toy / "onnx", tmp_path / "onnx"))
    tokens = json.loads((copy / "tokens.json").read_text(encoding="utf-8"))
    assert tokens.pop("notes") == [OF_SAMPLE]
    del tokens["checksums"]
    (copy / "tokens.json").write_text(json.dumps(tokens), encoding="utf-8")
    assert PortableClassifier.load(copy).notes == ()  # of an earlier version
    (copy / "tokens.json").write_text(json.dumps({**tokens, "notes": "a"}), encoding="utf-8")
    with pytest.raises(sentiment.UserError, match=r"tokens\.json is damaged: 'notes' must be a list"):
        PortableClassifier.load(copy)


def test_an_export_says_what_it_was_trained_on(toy: Path, tmp_path: Path) -> None:
    measured = json.loads((toy / "metrics.json").read_text(encoding="utf-8"))
    facts = PortableClassifier.load(toy / "onnx").trained_on
    assert facts == sentiment.Model(toy).trained_on == {
        "data": measured["dataset"]["name"], "texts": measured["dataset"]["train_texts"],
        "test_texts": measured["dataset"]["test_texts"],
        "test_accuracy": measured["test"]["accuracy"], "date": measured["date"]}
    assert date.fromisoformat(facts["date"])
    copy = Path(shutil.copytree(toy / "onnx", tmp_path / "onnx"))
    tokens = json.loads((copy / "tokens.json").read_text(encoding="utf-8"))
    del tokens["checksums"], tokens["trained_on"]
    (copy / "tokens.json").write_text(json.dumps(tokens), encoding="utf-8")
    assert PortableClassifier.load(copy).trained_on == {}  # of an earlier version
    (copy / "tokens.json").write_text(json.dumps({**tokens, "trained_on": {"data": 1}}), encoding="utf-8")
    with pytest.raises(sentiment.UserError, match=r"tokens\.json is damaged"):
        PortableClassifier.load(copy)
