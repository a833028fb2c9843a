"""What a newcomer types first: the shipped model, one's own table, and answers without TensorFlow."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.commands import Cli

from sentiment.artifacts import RunPaths
from sentiment.cli.evaluate import evaluation_data
from sentiment.cli.train import default_folder, example_for, first_text, training_summary
from sentiment.config import IN_MEMORY, DataConfig, RunConfig
from sentiment.errors import UserError

WITHOUT_TENSORFLOW = """
import sys
for name in ("tensorflow", "keras"):
    sys.modules[name] = None
from sentiment.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(("words", "code", "says"), [
    (["predict", "A wonderful film."], 0, "positive"),
    (["info"], 0, "architecture  bilstm, "),
    (["architectures", "--options"], 0, "by default --attention luong-concat"),
    (["train", "table.csv", "--arch", "bilsmt"], 1, "no architecture 'bilsmt'; did you mean 'bilstm'?"),
    (["tune", "--dataset", "table.csv", "--arch", "gru", "--merge", "sum"], 1, "'gru' does not use --merge"),
    (["train", "none.csv"], 1, "no such file: none.csv"),
    (["train", "table.csv", "--text-column", "body"], 1, "has no column 'body'"),
    (["train", "table.csv", "--dataset", "table.csv"], 1, "'table.csv' and --dataset both name the data: pass only"),
])
def test_answered_without_tensorflow(words: list[str], code: int, says: str, tmp_path: Path) -> None:
    """In a process of its own, in which TensorFlow cannot be imported, outside the repository."""
    (tmp_path / "table.csv").write_text("text,label\na,b\n", encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", WITHOUT_TENSORFLOW, *words], cwd=tmp_path, capture_output=True,
                          text=True, check=False)
    assert (done.returncode, says in done.stdout + done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr


MISTAKES = [
    (["predict", "--input", "odd.csv"], "name it with --text-column (columns: x, y)"),
    (["predict", "--input", "odd.csv", "--output", "out.csv"], "name it with --text-column (columns: x, y)"),
    (["predict", "--model", "nowhere", "a text"], "no such model folder: nowhere"),
    (["predict", "--model", "models/imdb", "a text"], "the included film-review model is used if no model is named"),
    (["evaluate", "--dataset", "none.csv"], "no such file: none.csv"),
    (["evaluate", "--dataset", "odd.csv"], "with --text-column and --label-column (columns: x, y)"),
    (["explain", "--model", "nowhere", "a text"], "no such model folder: nowhere"),
    (["compare", "nowhere", "nobody"], "no such model folder: nowhere"),
    (["ensemble", "nowhere", "nobody", "--output-dir", "mean"], "no such model folder: nowhere"),
    (["export", "nowhere", "--format", "onnx"], "no such model folder: nowhere"),
    (["tune", "--dataset", "none.csv"], "no such file: none.csv"),
    (["pretrain", "--dataset", "none.csv", "--output", "network"], "no such file: none.csv"),
    (["train", "odd.csv"], "which columns of odd.csv hold the texts and the labels: name them with --text-column and "),
    (["train", "table.csv", "--pretrained", "nowhere"], "no such folder of a pretrained network: nowhere"),
    (["train", "table.csv", "--teacher", "nowhere"], "no such model folder: nowhere"),
    (["train", "table.csv", "--arch", "gru"], "models/table-gru contains a finished run: pass --overwrite"),
    (["train", "table.csv", "--arch", "lstm"], "contains an unfinished run: pass --resume to continue it"),
]


def test_mistakes_are_reported_before_tensorflow_is_imported(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("x;y\na;b\nc;d\n", encoding="utf-8")
    (tmp_path / "table.csv").write_text("text,label\na,b\n", encoding="utf-8")
    unfinished = RunPaths.of_unfinished(tmp_path / "models" / "table-lstm")
    (unfinished.checkpoints / "step-00000001.checkpoint").mkdir(parents=True)
    finished = tmp_path / "models" / "table-gru"
    finished.mkdir()
    for file in (finished / "metrics.json", unfinished.config):
        file.write_text("{}", encoding="utf-8")
    call = f"print([main(words) for words, _ in {MISTAKES}])"
    code = WITHOUT_TENSORFLOW.replace("sys.exit(main(sys.argv[1:]))", call)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == f"{[1] * len(MISTAKES)}\n", done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert [says in line for (_, says), line in zip(MISTAKES, errors, strict=True)] == [True] * len(MISTAKES), errors
    assert not (tmp_path / "out.csv").exists()


def test_stored_predictions_are_compared_without_tensorflow(tiny_run: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_run, tmp_path / "other")
    done = subprocess.run([sys.executable, "-c", WITHOUT_TENSORFLOW, "compare", tiny_run, "other"], cwd=tmp_path,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"only {tiny_run.name} right: 0, only other right: 0, p = 1 (McNemar)" in done.stdout


def test_the_columns_of_a_run_are_read_where_another_table_has_them(tmp_path: Path) -> None:
    for name, header in (("same.csv", "n;Grund;text;Klasse"), ("other.csv", "n;Grund;text;label")):
        (tmp_path / name).write_text(f"{header}\n1;a;b;c\n", encoding="utf-8")
    run = RunConfig().updated({"data": {"text_column": "Grund", "label_column": "Klasse"}})

    def columns(name: str, **given: str) -> tuple[str | None, str | None]:
        data = evaluation_data({"dataset": str(tmp_path / name), **given}, run)
        assert data is not None
        return data.text_column, data.label_column

    assert columns("same.csv") == ("Grund", "Klasse")
    assert columns("same.csv", text_column="text") == ("text", "Klasse")
    assert columns("other.csv") == ("Grund", None)


def test_predict_reads_the_column_of_the_run(tiny_run: Path, tmp_path: Path, run_cli: Cli) -> None:
    run = shutil.copytree(tiny_run, tmp_path / "run")
    folder = RunPaths(run)
    folder.config.write_text(folder.load_config().updated({"data": {"text_column": "Grund"}}).to_json(), "utf-8")
    folder.checksums.unlink()
    (tmp_path / "in.csv").write_text("text;Grund\nwrong;a good film\n", encoding="utf-8")
    code, out, err = run_cli("predict", "--model", run, "--input", tmp_path / "in.csv", "--json")
    assert (code, json.loads(out)["text"]) == (0, "a good film"), err
    assert json.loads(run_cli("predict", "--model", run, "--input", tmp_path / "in.csv", "--text-column", "text",
                              "--json")[1])["text"] == "wrong"


@pytest.mark.parametrize(("dataset", "folder"), [
    ("imdb", "gru"), ("auto", "gru"), ("sample", "gru"), ("data/tickets.csv", "tickets-gru"),
    ("a b [1].csv.gz", "a_b_1-gru"), ("parts/*.csv", "data-gru"), ("reviews/", "reviews-gru"), ("äöü.csv", "äöü-gru")])
def test_a_run_is_named_after_the_data(dataset: str, folder: str) -> None:
    assert default_folder(DataConfig(dataset=dataset), "gru") == Path("models") / folder


def test_the_example_is_a_text_of_the_user(tmp_path: Path) -> None:
    table, test = tmp_path / "table.csv", tmp_path / "test.csv"
    table.write_text('text,label\n"  ",a\n"one\ttwo ""three"" $4",a\n', encoding="utf-8")
    test.write_text(f"text,label\n{'word ' * 50},a\n", encoding="utf-8")
    assert first_text(DataConfig(dataset=str(table))) == 'one two "three" $4'
    assert first_text(DataConfig(dataset=str(table), test_file=str(test))) == " ".join(["word"] * 10)
    assert first_text(DataConfig(dataset="imdb")) == "A wonderful film."
    assert example_for(DataConfig(dataset=str(table))) == 'one two "three" $4'
    assert example_for(DataConfig(dataset=str(tmp_path / "gone.csv"))) == "a text of yours"
    assert first_text(DataConfig(dataset=str(tmp_path))) == "a text of yours"
    with pytest.raises(UserError, match="no column 'x'"):
        first_text(DataConfig(dataset=str(table), text_column="x"))


def test_the_configuration_of_a_run_in_memory_is_refused_with_the_reason(tmp_path: Path, run_cli: Cli) -> None:
    (tmp_path / "config.json").write_text(RunConfig().updated({"data": {"dataset": IN_MEMORY}}).to_json(),
                                          encoding="utf-8")
    code, _, err = run_cli("train", "--config", tmp_path / "config.json", "--output-dir", tmp_path / "run")
    assert code == 1
    assert "the run was trained on texts in memory, which a run does not store" in err


def test_the_hint_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    values = {"accuracy": 0.5}
    measured = {"test": values, "validation": values, "training": {"best_epoch": None}, "dataset": {"name": "x"},
                "seconds": {"all": 1}, "peak_memory_bytes": 1}
    last = training_summary(Path("models/a b"), measured, 'one "two" $4').splitlines()[-1]
    command = last.partition("predict ")[2]
    done = subprocess.run(["/bin/sh", "-c", f"printf '%s|' {command}"], capture_output=True, text=True, check=True)
    assert done.stdout == "--model|models/a b|one \"two\" $4|"


def test_training_on_a_table_that_is_named_first(tiny_csv: Path, tmp_path: Path, run_cli: Cli,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table = tmp_path / "reviews.csv"
    more = "so so,pos,web\nso so,neg,web\n,neg,web\n"
    table.write_text(tiny_csv.read_text(encoding="utf-8") + more, encoding="utf-8")
    code, out, err = run_cli("train", table, "--arch", "tfidf-lr", "--no-export")
    assert code == 0, err
    assert "saved to models/reviews-tfidf-lr" in out
    for note in ("1 text occurs with different labels, in 2 rows", "1 of 123 rows of reviews.csv had no text and was "):
        assert err.count(note) == 1, err
