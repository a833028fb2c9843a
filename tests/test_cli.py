import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from helpers.commands import Cli
from helpers.selection import selected

import sentiment
from sentiment.artifacts import RunFolder
from sentiment.cli import main
from sentiment.cli.parser import system_error, with_hyphens
from sentiment.config.sections import OF_SAMPLE
from sentiment.errors import UserError

QUICK = ["--arch", "cnn", "--epochs", "1", "--units", "4", "--embedding-size", "4", "--no-export"]


def test_hyphens_and_underscores() -> None:
    assert with_hyphens(["--max_length=5", "--text_column", "my_text", "--", "--a_b"]) == [
        "--max-length=5", "--text-column", "my_text", "--", "--a_b"]


def test_train_prints_a_summary_and_refuses_to_overwrite(tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    words = ["train", "--dataset", tiny_csv, "--output_dir", tmp_path / "run", *QUICK]
    code, out, err = run_cli(*words)
    assert code == 0
    assert "test accuracy" in out
    assert "epoch 1/1" in err
    code, out, err = run_cli(*words)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert "contains a finished run: pass --overwrite" in err
    code, out, _ = run_cli(*words, "--overwrite", "--json", "--seed", "2")
    assert code == 0
    assert json.loads(out)["dataset"]["train_texts"] == 86


def test_a_run_can_be_repeated_from_its_config(tiny_run: Path, tmp_path: Path, run_cli: Cli) -> None:
    again, changed = tmp_path / "again", tmp_path / "changed"
    words = ["train", "--config", tiny_run / "config.json", "--no-export", "--output-dir"]
    assert run_cli(*words, again)[0] == 0
    assert run_cli(*words, changed, "--pooling", "mean", "--attention", "none")[0] == 0
    first, second = (json.loads((folder / "metrics.json").read_text(encoding="utf-8")) for folder in (tiny_run, again))
    assert first["test"] == second["test"]
    assert first["validation"] == second["validation"]
    config = json.loads((changed / "config.json").read_text(encoding="utf-8"))
    assert (config["model"]["pooling"], config["model"]["units"]) == ("mean", 4)


def test_options_of_training_reach_it(tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    code, _, err = run_cli(
        "train", *QUICK, "--dataset", tiny_csv, "--output-dir", tmp_path / "run", "--arch", "stacked-bilstm",
        "--layers", "3", "--optimizer", "adamw", "--schedule", "plateau", "--class-weights", "balanced",
        "--mixed-precision", "--tensorboard", "--monitor", "val_accuracy", "--strategy", "mirrored",
        "--truncate", "both")
    assert code == 0, err
    assert list((tmp_path / "run" / "tensorboard").rglob("events*"))
    assert "on 1 CPU" in err


def test_predict_texts(tiny_run: Path, run_cli: Cli) -> None:
    code, out, _ = run_cli("predict", "--model", tiny_run, "a good film", "a\tbad\nfilm")
    heading, *lines = [line.split("\t") for line in out.splitlines()]
    assert code == 0
    assert heading == ["label", "score", "text", "remark"]
    assert [line[2] for line in lines] == ["a good film", "a bad film"]
    assert all(line[0] in ("neg", "pos") and 0.5 <= float(line[1]) <= 1 for line in lines)
    code, out, _ = run_cli("predict", "--model", tiny_run, "a good film 😀", "--json")
    answer = json.loads(out)
    assert answer["text"] == "a good film 😀"
    assert answer["score"] == answer["scores"][answer["label"]]


def test_texts_of_which_little_is_known_are_marked(tiny_run: Path, run_cli: Cli) -> None:
    texts = ["a good film", "qqq good www eee", "", "😀"]
    marks = ["", "25% of words known", "no word known", "no word known"]
    out = run_cli("predict", "--model", tiny_run, *texts)[1]
    assert [line.split("\t")[3] for line in out.splitlines()] == ["remark", *marks]
    answers = [json.loads(line) for line in run_cli("predict", "--model", tiny_run, *texts, "--json")[1].splitlines()]
    assert [one["known"] for one in answers] == [1, 0.25, 0, 0]
    assert "(25% of words known)" in run_cli("explain", "--model", tiny_run, texts[1])[1]
    assert "words known" not in run_cli("explain", "--model", tiny_run, texts[0])[1]


def test_abstentions_are_counted(tiny_run: Path, tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    code, out, err = run_cli("predict", "--model", tiny_run, "a good film", "a bad film", "--abstain-below", "1")
    assert code == 0
    assert [line.split("\t")[0] for line in out.splitlines()] == ["label", "-", "-"]
    assert err.splitlines()[-1] == "2 of 2 texts got no label: their scores are below 1"
    _, out, _ = run_cli("predict", "--model", tiny_run, "--input", tiny_csv, "--json")
    answers = [json.loads(line) for line in out.splitlines()]
    threshold = sorted(one["score"] for one in answers)[60]
    labels = [None if one["score"] < threshold else one["label"] for one in answers]
    said = f"60 of 120 texts got no label: their scores are below {threshold:g}"
    _, out, err = run_cli("predict", "--model", tiny_run, "--input", tiny_csv, "--json", "--abstain-below", threshold)
    assert [json.loads(line) for line in out.splitlines()] == [
        {**one, "label": label} for one, label in zip(answers, labels, strict=True)]
    assert err.splitlines()[-1] == said
    code, _, err = run_cli("predict", "--model", tiny_run, "--input", tiny_csv, "--output", tmp_path / "out.csv",
                           "--abstain-below", threshold, "--known")
    assert err.splitlines()[-1] == said
    found = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert found["predicted_label"].tolist() == [label or "" for label in labels]
    assert found["predicted_score"].tolist() == [one["score"] for one in answers]
    assert found["predicted_known"].tolist() == [one["known"] for one in answers]


def test_texts_stand_before_and_after_the_options(tiny_run: Path, run_cli: Cli) -> None:
    code, out, err = run_cli("predict", "--model", tiny_run, "good", "--json", "bad", "fine")
    assert code == 0, err
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["good", "bad", "fine"]


def test_texts_without_a_model_are_answered_by_the_shipped_one(run_cli: Cli, tmp_path: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # from any folder
    Path("A wonderful film.").mkdir()  # what lies on the disk does not turn a text into a model
    code, out, err = run_cli("predict", "A wonderful film.", "Dull")
    assert code == 0
    assert [line.split("\t")[0] for line in out.splitlines()] == ["label", "positive", "negative"]
    assert err.startswith("using the included film-review model; --model selects another")
    monkeypatch.setattr(sys, "stdin", Stdin(b"A wonderful film.\nDull"))
    assert run_cli("predict")[1] == out
    assert [one.label for one in sentiment.load().predict(["A wonderful film.", "Dull"])] == ["positive", "negative"]


def test_the_model_as_the_first_word_is_taken_with_a_warning(tiny_run: Path, run_cli: Cli) -> None:
    for command in ("predict", "explain"):
        code, out, err = run_cli(command, tiny_run, "a good film")
        assert (code, out) == (0, run_cli(command, "--model", tiny_run, "a good film")[1])
        assert f"pass the model with --model: --model {tiny_run}" in err


@pytest.mark.parametrize("word", ["/no such/my model", "./run", "models/none", "~/run"])
def test_a_path_without_a_model_is_no_text(word: str, run_cli: Cli) -> None:
    code, out, err = run_cli("predict", word, "great")
    assert (code, out) == (1, "")
    assert err.startswith(f"error: no such model: {word}; pass a model with --model")


class Stdin(io.TextIOWrapper):
    """Standard input with given bytes."""

    def __init__(self, content: bytes, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(content), encoding="utf-8")
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def test_predict_lines_of_standard_input(tiny_run: Path, run_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin("good\n\n bad\r\nübel".encode()))
    code, out, _ = run_cli("predict", "--model", tiny_run, "--json")
    assert code == 0
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["good", "", " bad", "übel"]
    monkeypatch.setattr(sys, "stdin", Stdin(b"good\n\xff\n"))
    code, _, err = run_cli("predict", "--model", tiny_run)
    assert (code, err) == (1, "error: standard input, line 2: not UTF-8\n")
    monkeypatch.setattr(sys, "stdin", Stdin(b"", terminal=True))
    code, _, err = run_cli("predict", "--model", tiny_run)
    assert (code, err) == (1, "error: no text: pass texts, --input FILE, or one text per line on standard input\n")


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_predict_a_file(tiny_run: Path, tiny_csv: Path, tmp_path: Path, run_cli: Cli, suffix: str) -> None:
    output = tmp_path / f"scored.{suffix}"
    code, out, err = run_cli("predict", "--model", tiny_run, "--input", tiny_csv, "--output", output)
    assert (code, out) == (0, "")
    assert f"120 rows written to {output}" in err
    readers: dict[str, Callable[[Path], pd.DataFrame]] = {
        "csv": pd.read_csv, "tsv": lambda path: pd.read_csv(path, sep="\t"),
        "jsonl": lambda path: pd.read_json(path, lines=True), "parquet": pd.read_parquet}
    scored, given = readers[suffix](output), pd.read_csv(tiny_csv)
    assert list(scored.columns) == ["text", "label", "source", "predicted_label", "predicted_score"]
    assert scored["text"].tolist() == given["text"].tolist()
    assert scored["predicted_score"].between(0.5, 1).all()
    assert [entry.name for entry in tmp_path.iterdir()] == [output.name]


def test_predict_a_file_to_standard_output(tiny_run: Path, tiny_csv: Path, run_cli: Cli) -> None:
    code, out, _ = run_cli("predict", "--model", tiny_run, "--input", tiny_csv, "--json")
    assert code == 0
    texts = pd.read_csv(tiny_csv)["text"].tolist()
    assert [json.loads(line)["text"] for line in out.splitlines()] == texts
    lines = run_cli("predict", "--model", tiny_run, "--input", tiny_csv)[1].splitlines()
    assert [line.split("\t")[2] for line in lines[1:]] == [text.replace("\n", " ") for text in texts]


def test_a_file_that_breaks_half_way_leaves_no_output(tiny_run: Path, tmp_path: Path, run_cli: Cli) -> None:
    source = tmp_path / "late.jsonl"
    source.write_text('{"text": "a"}\n' * 5000 + "broken\n", encoding="utf-8")
    code, _, err = run_cli("predict", "--model", tiny_run, "--input", source, "--output", tmp_path / "out.csv")
    assert code == 1
    assert "line 5001: not JSON" in err
    assert [entry.name for entry in tmp_path.iterdir()] == ["late.jsonl"]


def test_evaluate_agrees_with_training(tiny_run: Path, tiny_csv: Path, run_cli: Cli) -> None:
    code, out, _ = run_cli("evaluate", tiny_run, "--json")
    found = json.loads(out)
    trained = json.loads((tiny_run / "metrics.json").read_text(encoding="utf-8"))["test"]
    assert code == 0
    assert found["confusion_matrix"] == trained["confusion_matrix"]
    assert found["log_loss"] == pytest.approx(trained["log_loss"], abs=1e-5)
    code, out, _ = run_cli("evaluate", tiny_run, "--dataset", tiny_csv)
    assert code == 0
    assert out.startswith(f"{tiny_csv}: 120 texts\naccuracy ")


def test_info(tiny_run: Path, run_cli: Cli) -> None:
    code, out, _ = run_cli("info", tiny_run)
    assert code == 0
    assert "bilstm" in out
    assert "neg, pos" in out
    assert set(json.loads(run_cli("info", tiny_run, "--json")[1])) == {"config", "metrics"}


def test_info_needs_no_tensorflow(tiny_run: Path, tmp_path: Path) -> None:
    """Nor does it for a mistake, which `RunFolder.open` would say in the same words."""
    with pytest.raises(UserError) as refused:
        RunFolder.open(tmp_path)
    for path, message in ((tiny_run, ""), (tmp_path, f"error: {refused.value}\n")):
        code = ("import sys\nfrom sentiment.cli import main\ncode = main(['info', sys.argv[1]])\n"
                "sys.exit(7 if {'tensorflow', 'keras', 'pandas'} & set(sys.modules) else code)")
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
        assert done.returncode == bool(message), done.stderr
        assert message in ("", done.stderr)


def test_architectures(run_cli: Cli) -> None:
    code, out, _ = run_cli("architectures")
    assert code == 0
    assert out.splitlines()[0].split()[0] == "name"
    counts = {entry["name"]: entry["parameters"] for entry in json.loads(run_cli("architectures", "--json")[1])}
    # Embedding 20,000 x 256, two LSTMs of 4 (256 + 64 + 1) 64, attention of 256 x 128 + 128 for the score and 256 x 128
    # for its state, and 128 + 1 for the logit.
    assert counts["bilstm"] == 20_000 * 256 + 2 * 4 * (256 + 64 + 1) * 64 + 2 * 256 * 128 + 128 + 129
    # A GRU with the reset gate applied after the product has two biases.
    assert counts["gru"] == 20_000 * 256 + 3 * (256 + 64 + 2) * 64 + 65


def test_sample_is_named_once_and_in_what_is_written(tmp_path: Path, run_cli: Cli) -> None:
    code, out, err = run_cli("train", "--dataset", "sample", "--output-dir", tmp_path / "s", *QUICK)
    assert code == 0
    assert out.startswith("sample: ")
    assert err.count("never quote them as IMDB results") == 1
    card = (tmp_path / "s" / "README.md").read_text(encoding="utf-8")
    assert "never quote them" in card
    assert f"> **Note:** {OF_SAMPLE}." in card
    assert "never quote them" in (tmp_path / "s" / "metrics.json").read_text(encoding="utf-8")


BAD_TRAINING = [
    (["--arch", "bilstn"], "no architecture 'bilstn'; did you mean 'bilstm'? (there are attention, bigru, bilstm, "),
    (["--dataset", "nowhere.csv"], "no such file: nowhere.csv"),
    (["--dataset", "sample", "--test-file", "x.csv"], "--test-file needs --dataset PATH"),
    (["--dataset", "imdb", "--data-dir", "nowhere"], "--data-dir: no such file or folder: nowhere"),
    (["--arch", "cnn", "--layers", "2"], "'cnn' does not use --layers, which is for bigru"),
    (["--config", "nowhere.json"], "cannot read the configuration nowhere.json"),
    (["--units", "0"], "--units must be at least 1, not 0"),
    (["--dataset", "{csv}", "--text-column", "txet"], "has no column 'txet'; did you mean 'text'?"),
    (["--dataset", "{csv}", "--label-column", "text"], "both read from the column 'text'"),
    (["--dataset", "{csv}", "--test-file", "{other}"], "the label 'new' does not occur in training"),
]


@pytest.mark.parametrize(("words", "message"), BAD_TRAINING, ids=[message[:24] for _, message in BAD_TRAINING])
def test_bad_requests_are_one_line_and_leave_nothing(
        words: list[str], message: str, tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    other = tmp_path / "other.csv"
    other.write_text("text,label\na,new\n", encoding="utf-8")
    words = [word.format(csv=tiny_csv, other=other) for word in words]
    code, out, err = run_cli("train", "--output-dir", tmp_path / "run", *words)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert [entry.name for entry in tmp_path.iterdir()] == ["other.csv"]


@pytest.mark.parametrize(("words", "message"), [
    (["predict", "--model", "{run}", "text", "--input", "f.csv"], "pass texts or --input, not both"),
    (["predict", "--model", "{run}", "text", "--output", "f.csv"], "--output needs --input"),
    (["predict", "--model", "{run}", "text", "--known"], "--known needs --output"),
    (["predict", "--model", "{run}", "text", "--abstain-below", "1.5"],
     "--abstain-below must be a probability, from 0 to 1, not 1.5"),
    (["predict", "--model", "{run}", "text", "--abstain-below", "nan"],
     "--abstain-below must be a probability, from 0 to 1, not nan"),
    (["predict", "--model", "{run}", "--input", "{csv}", "--output", "scored.txt"], "cannot write scored.txt"),
    (["predict", "--model", "{run}", "--input", "{csv}", "--output", "no/such/folder.csv"], "no such folder: no/such"),
    (["predict", "--model", "{run}", "--input", "{csv}", "--text-column", "txt"],
     "has no column 'txt'; did you mean 'text'?"),
    (["predict", "--model", "nowhere", "text"], "no such model folder: nowhere"),
    (["predict", "--model", "{run}", "text", "--text-column", "text"], "--text-column, --encoding, --separator, "),
    (["train", "--dataset", "{csv}", "--output-dir", "."], "'.' cannot be replaced as a whole: name a"),
    (["train", "--dataset", "{csv}", "--output-dir", "..", "--folds", "2"], "'..' cannot be replaced as a whole"),
    (["train", "--dataset", "{csv}", "--output-dir", "/"], "'/' cannot be replaced as a whole"),
    (["pretrain", "--dataset", "{csv}", "--output", "."], "'.' cannot be replaced as a whole"),
    (["info", "{here}"], "is not a model folder of this project"),
    (["evaluate", "{run}", "--dataset", "{csv}", "--label-column", "source"],
     "the label 'web' does not occur in training"),
    (["evaluate", "{run}", "--label-column", "source"], "need --dataset"),
    (["evaluate", "{run}", "--dataset", "sample"], "sample has the classes negative, positive, the model neg, pos"),
])
def test_bad_requests_of_other_commands(words: list[str], message: str, tiny_run: Path, tiny_csv: Path,
                                        tmp_path: Path, run_cli: Cli) -> None:
    words = [word.format(run=tiny_run, csv=tiny_csv, here=tmp_path) for word in words]
    code, out, err = run_cli(*words)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize("words", [[], ["trian"], ["train", "--units", "many"], ["train", "--truncate", "middle"]])
def test_wrong_usage_is_2(words: list[str], run_cli: Cli) -> None:
    assert run_cli(*words)[0] == 2


def test_part_of_the_name_of_an_option_is_an_error(run_cli: Cli) -> None:
    code, out, err = run_cli("train", "--unit=3")
    assert (code, out) == (2, "")
    assert err.endswith("error: unrecognized arguments: --unit=3; did you mean '--units'?\n")


@pytest.mark.parametrize(("words", "name"), [
    (["info", ""], "model"), (["evaluate", ""], "model"), (["serve", ""], "MODEL"), (["compare", "", "run"], "models"),
    (["predict", "good", "--model="], "--model"), (["predict", "good", "--input", ""], "--input"),
    (["evaluate", "run", "--report="], "--report"), (["tune", "--output-dir="], "--output-dir"),
    (["train", ""], "DATA"), (["train", "--dataset", ""], "--dataset")])
def test_an_empty_word_is_no_default(words: list[str], name: str, run_cli: Cli) -> None:
    """As of a variable of the shell that is not set."""
    code, out, err = run_cli(*words)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].endswith(f"argument {name}: must not be empty: leave it out for the default, if it "
                                         "has one")


@pytest.mark.parametrize(("words", "message"), [
    (["info", "{tilde}/run"], "error: no such model folder: {tilde}/run"),
    (["train", "--dataset", "{tilde}/x.csv"], "error: no such file: {tilde}/x.csv"),
    (["serve", "{tilde}/run"], "{tilde}/run"),
    (["train", "--dataset", "imdb", "--data-dir", "{tilde}/x"], "{tilde}/x")])
def test_a_tilde_of_no_user_is_an_ordinary_name(words: list[str], message: str, run_cli: Cli) -> None:
    code, _, err = run_cli(*(word.format(tilde="~nosuchuser") for word in words))
    assert code == 1
    assert message.format(tilde="~nosuchuser") in err.splitlines()[-1]


def test_a_text_may_begin_with_a_tilde(exported_run: Path, run_cli: Cli) -> None:
    code, out, _ = run_cli("predict", "~nosuchuser was a good film", "--json", "--model", exported_run / "onnx")
    assert (code, json.loads(out)["text"]) == (0, "~nosuchuser was a good film")
    assert run_cli("predict", "~nosuchuser was a good film")[0] == 0  # which might be a model


def test_an_empty_text_is_answered(exported_run: Path, run_cli: Cli) -> None:
    code, out, _ = run_cli("predict", "", "--json", "--model", exported_run / "onnx")
    assert (code, json.loads(out)["known"]) == (0, 0.0)


def test_a_current_folder_that_is_gone_is_one_line(tmp_path: Path, run_cli: Cli,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert run_cli("serve", "x") == (1, "", "error: the current folder is gone: go to another one\n")


class OperationalError(Exception):
    """As SQLAlchemy calls that of a database."""


@pytest.mark.parametrize(("error", "message"), [
    (OperationalError("(sqlite3.OperationalError) database or disk is full\n[SQL: ...]"), "no space left on the"),
    (OperationalError("(sqlite3.OperationalError) attempt to write a readonly database\n[SQL: ...]"),
     "cannot use the database of the study: (sqlite3.OperationalError) attempt to write a readonly database"),
    (OSError(2, "No such file"), "the current folder is gone"), (OSError(13, "Denied", "x"), "cannot access x")])
def test_an_error_of_the_system_is_one_line(error: Exception, message: str) -> None:
    said = system_error(error) or ""
    assert said.startswith(message)
    assert "\n" not in said


FULL_DISK = [OSError(28, os.strerror(28)), RuntimeError(f"HDF5: {os.strerror(28)}")]


@pytest.mark.parametrize("error", selected(FULL_DISK, FULL_DISK[1:]))
def test_a_full_disk_is_one_line_and_leaves_what_to_go_on_from(tiny_csv: Path, tmp_path: Path, run_cli: Cli,
                                                                   error: Exception,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr("sentiment.runs.training.evaluate", full)
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", tmp_path / "run", *QUICK)
    assert code == 1
    assert err.splitlines()[-1].startswith("error: no space left on the device")
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.unfinished"]
    assert "run.unfinished: continue it with --resume" in err


def test_a_place_that_cannot_be_written_is_one_line(tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", tmp_path / "file" / "run", *QUICK)
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith(f"error: cannot access {tmp_path / 'file'}")


def test_an_interrupt_is_130_and_keeps_what_there_is(tiny_csv: Path, tmp_path: Path, run_cli: Cli,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sentiment.runs.training.evaluate", interrupted)
    words = ["train", "--dataset", tiny_csv, "--output-dir", tmp_path / "run", *QUICK]
    assert run_cli(*words)[0] == 130
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.unfinished"]
    monkeypatch.undo()
    assert run_cli(*words)[0] == 1
    assert run_cli(*words, "--resume")[0] == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("form", selected(["onnx", "."], ["onnx"]))
def test_a_closed_pipe_is_quiet(form: str, exported_run: Path) -> None:
    command = f"{sys.executable} -m sentiment predict {exported_run / form} a b c | true"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


def test_train_py_and_the_module_are_the_same_command() -> None:
    root = Path(__file__).parents[1]
    for command in ([root / "train.py", "--help"], ["-m", "sentiment", "train", "--help"]):
        done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, cwd=root,
                              check=False)
        assert done.returncode == 0
        assert "--arch" in done.stdout


def test_main_takes_the_process_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["sentiment", "--version"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0


def test_a_table_of_another_format_is_evaluated(tiny_run: Path, tmp_path: Path, run_cli: Cli) -> None:
    (tmp_path / "x.csv").write_bytes("a gôod film;POS\na bad film;neg\n".encode("cp1252"))
    words = ["evaluate", tiny_run, "--dataset", tmp_path / "x.csv", "--separator", ";", "--encoding", "cp1252",
             "--no-header", "--text-column", "1", "--label-column", "2", "--json"]
    code, _, err = run_cli(*words)
    assert code == 1
    assert "the label 'POS' does not occur in training (its labels: neg, pos); --merge-labels merges names" in err
    code, out, err = run_cli(*words, "--merge-labels")
    assert code == 0, err
    assert json.loads(out)["texts"] == 2
    assert "--separator must be one character" in run_cli(*words, "--separator", ";;")[2]
