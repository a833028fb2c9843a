"""What a newcomer types first: the shipped model, one's own table, and answers without TensorFlow."""

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.commands import Cli

from sentiment.cli.train import default_folder, first_text, training_summary
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
    code, out, err = run_cli("train", tiny_csv, "--arch", "tfidf-lr", "--no-export")
    assert code == 0, err
    assert f"saved to models/{tiny_csv.stem}-tfidf-lr" in out
