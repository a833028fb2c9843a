"""`pretrain`, and classifiers that start from what it wrote, from the command line."""

import json
import os
import re
import subprocess
import sys
import time
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import Cli

from sentiment.artifacts import PretrainedFolder, RunFolder
from sentiment.cli import main, make_parser
from sentiment.cli.options import given_options
from sentiment.config import DataConfig, PretrainConfig
from sentiment.data import digests, load_corpus
from sentiment.runs import pretrain_run

SMALL = ["--units", "5", "--embedding-size", "4", "--vocab-size", "60", "--batch-size", "4", "--window", "6",
         "--epochs", "2"]
QUICK = ["--epochs", "1", "--batch-size", "8", "--max-length", "24", "--no-export"]


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory, tiny_csv: Path) -> Path:
    """A finished language model."""
    target = tmp_path_factory.mktemp("pretrained") / "lm"
    with redirect_stdout(StringIO()) as out:
        assert main(["pretrain", "--dataset", str(tiny_csv), "--output", str(target), *SMALL]) == 0
    assert "forward perplexity" in out.getvalue()
    assert f"python train.py --pretrained {target}" in out.getvalue()
    return target


def test_what_it_writes(pretrained: Path, tiny_csv: Path) -> None:
    folder = PretrainedFolder.open(pretrained)
    measured = folder.load_metrics()
    assert set(measured["validation"]) == {"forward_perplexity", "backward_perplexity"}
    assert measured["training"]["epochs"] == 2
    assert "--pretrained models/lm" in folder.card.read_text(encoding="utf-8")
    assert len(folder.history.read_text(encoding="utf-8").splitlines()) == 3
    assert not folder.checkpoints.exists()
    loaded = folder.load_start()
    assert len(loaded.words) == 58
    with np.load(folder.weights) as weights:
        assert {weights[name].dtype for name in weights} == {np.dtype(np.float16)}
        assert len(weights.files) == len(folder.load_network().network.weights)
    corpus = load_corpus(DataConfig(dataset=str(tiny_csv)), 1)
    assert loaded.has_read(corpus.train.texts).all()
    assert not loaded.has_read(corpus.validation.texts).any()
    assert not loaded.has_read(corpus.test.read().texts).any()
    np.testing.assert_array_equal(loaded.digests, np.unique(digests(corpus.train.texts)))


@pytest.mark.parametrize(("named", "texts"), [({}, 2), ({"unlabelled": "none"}, 0)])
def test_the_unlabelled_texts_of_a_corpus_are_read(named: dict[str, str], texts: int, tiny_csv: Path, tmp_path: Path
                                                   ) -> None:
    corpus = replace(load_corpus(DataConfig(dataset=str(tiny_csv)), 1),
                     unlabelled=lambda: ["uncommon words", "uncommon, too"])
    given = given_options(make_parser().parse_args(["pretrain", "--output", "lm", *SMALL]))
    config = PretrainConfig().updated(given).updated({"data": named})
    folder = pretrain_run(config, tmp_path / "lm", source=lambda *_: corpus)
    assert folder.load_metrics()["dataset"]["unlabelled_texts"] == texts
    assert ("uncommon" in folder.load_start().words) == bool(texts)


def test_a_classifier_takes_its_sizes_vocabulary_and_weights(pretrained: Path, tiny_csv: Path, tmp_path: Path,
                                                             run_cli: Cli) -> None:
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--pretrained", pretrained, "--output-dir", tmp_path / "run",
                           *QUICK, "--learning-rate", "0")
    assert code == 0, err
    assert "warning" not in err
    run, start = RunFolder.open(tmp_path / "run"), PretrainedFolder.open(pretrained)
    config = run.load_config()
    assert (config.model.architecture, config.model.units, config.model.embedding_size) == ("bilstm", 5, 4)
    assert config.text.max_length == 24
    assert run.vocabulary.read_bytes() == start.vocabulary.read_bytes()
    classifier, network = run.load_model(), start.load_network()
    np.testing.assert_array_equal(classifier.get_layer("embedding").get_weights()[0], network.table.numpy())
    for mine, theirs in zip(classifier.get_layer("bilstm").get_weights(), [
            *network.network.get_layer("forward_lstm").get_weights(),
            *network.network.get_layer("backward_lstm").get_weights()], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert run.load_metrics()["test_texts_seen"]["pretraining"] == 0


@pytest.mark.extended
def test_gradual_unfreezing_leaves_the_embedding_alone_at_first(pretrained: Path, tiny_csv: Path, tmp_path: Path,
                                                                run_cli: Cli) -> None:
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--pretrained", pretrained, "--output-dir", tmp_path / "run",
                           *QUICK, "--unfreeze", "0.5", "--layer-decay", "2.6", "--schedule", "slanted-triangular",
                           "--pooling", "concat")
    assert code == 0, err
    classifier = RunFolder.open(tmp_path / "run").load_model()
    network = PretrainedFolder.open(pretrained).load_network()
    np.testing.assert_array_equal(classifier.get_layer("embedding").get_weights()[0], network.table.numpy())
    before = network.network.get_layer("forward_lstm").get_weights()[0]
    assert (classifier.get_layer("bilstm").get_weights()[0] != before).any()


@pytest.mark.extended
def test_the_same_split_is_not_warned_of(pretrained: Path, tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--pretrained", pretrained, "--output-dir", tmp_path / "run",
                           *QUICK)
    assert code == 0, err
    assert "has read" not in err


def test_another_split_is_warned_of(pretrained: Path, tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--pretrained", pretrained, "--output-dir", tmp_path / "run",
                           *QUICK, "--seed", "2")
    assert code == 0, err
    assert re.search(r"has read \d+ of the \d+ validation texts, so that validation may flatter: use the same", err)
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["test_texts_seen"]["pretraining"] > 0


@pytest.mark.parametrize(("words", "message"), [
    (["--pretrained", "none"], "no such folder of a pretrained network: none; train one with `python -m sentiment"),
    (["--layer-decay", "2"], "--layer-decay needs --pretrained"),
    (["--unfreeze", "1"], "--unfreeze needs --pretrained"),
    (["--pretrained", "LM", "--units", "6"], "was trained with another value of --units: omit that"),
    (["--pretrained", "LM", "--arch", "lstm"], "was trained with another value of --arch"),
    (["--pretrained", "LM", "--embedding-start", "random"], "includes an embedding: omit --embedding-start"),
    (["--pretrained", "LM", "--unfreeze", "1", "--optimizer", "adamw"], "does not go with --optimizer adamw"),
])
def test_refusals(words: list[str], message: str, pretrained: Path, tiny_csv: Path, tmp_path: Path, run_cli: Cli
                  ) -> None:
    given = [str(pretrained) if word == "LM" else word for word in words]
    code, out, err = run_cli("train", "--dataset", tiny_csv, "--output-dir", tmp_path / "run", *given)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1, err
    assert message in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("words", "message"), [
    (["--arch", "cnn"], "pretrains recurrent layers"),
    (["--method", "autoencoder", "--arch", "bilstm"], "unidirectional"),
    (["--schedule", "plateau"], "--schedule plateau needs a monitored value"),
    (["--window", "100000"], "fewer than one --window of 100000"),
    (["--learning-rate", "1e30"], "the loss became"),
    (["--unlabelled", "none.csv"], "none.csv"),
])
def test_refusals_of_pretraining(words: list[str], message: str, tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    code, out, err = run_cli("pretrain", "--dataset", tiny_csv, "--output", tmp_path / "lm", *SMALL, *words)
    assert (code, out) == (1, "")
    assert message in err
    assert not (tmp_path / "lm").exists()


def test_an_incomplete_folder(pretrained: Path, tmp_path: Path, tiny_csv: Path, run_cli: Cli) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in pretrained.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    whole = (broken / "weights.npz").read_bytes()
    for damaged in (b"not what it was", whole[:-30], whole[:200] + bytes(50) + whole[250:]):
        (broken / "weights.npz").write_bytes(damaged)
        code, _, err = run_cli("train", "--dataset", tiny_csv, "--pretrained", broken, "--output-dir", tmp_path / "run")
        assert (code, err.count("\n")) == (1, 1), err
        assert f"{broken / 'weights.npz'} is damaged" in err
    (broken / "texts.npy").unlink()
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--pretrained", broken, "--output-dir", tmp_path / "run")
    assert (code, err.count("\n")) == (1, 1), err
    assert "contains no pretrained network: texts.npy is missing" in err


def test_the_autoencoder(tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    code, out, err = run_cli("pretrain", "--dataset", tiny_csv, "--output", tmp_path / "sa", "--method", "autoencoder",
                             "--units", "5", "--embedding-size", "4", "--batch-size", "8")
    assert code == 0, err
    assert out.startswith("perplexity")
    code, _, err = run_cli("train", "--dataset", tiny_csv, "--pretrained", tmp_path / "sa", "--output-dir",
                           tmp_path / "run", *QUICK, "--learning-rate", "0")
    assert code == 0, err
    run, start = RunFolder.open(tmp_path / "run"), PretrainedFolder.open(tmp_path / "sa")
    assert run.load_config().model.architecture == "lstm"
    for name in ("embedding", "lstm"):
        for mine, theirs in zip(run.load_model().get_layer(name).get_weights(),
                                start.load_network().network.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.extended
def test_killed_and_resumed(pretrained: Path, tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    target = tmp_path / "lm"
    command = [sys.executable, "-m", "sentiment", "pretrain", "--dataset", str(tiny_csv), "--output", str(target),
               *SMALL, "--checkpoint-steps", "1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    checkpoint = tmp_path / "lm.unfinished" / "checkpoints" / "step-00000005.checkpoint"
    while not checkpoint.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    process.kill()
    process.wait()
    code, _, err = run_cli("pretrain", "--dataset", tiny_csv, "--output", target, *SMALL)
    assert code == 1
    assert "contains an unfinished pretraining: pass --resume" in err
    code, _, err = run_cli("pretrain", "--output", target, "--resume", "--window", "7")
    assert code == 1
    assert "was started with another value of --window" in err
    code, _, err = run_cli("pretrain", "--output", target, "--resume")
    assert code == 0, err
    assert "resuming after step" in err
    for mine, other in zip(*(PretrainedFolder.open(path).load_network().network.get_weights()
                             for path in (target, pretrained)), strict=True):
        np.testing.assert_array_equal(mine, other)
    assert sorted(os.listdir(target)) == sorted(os.listdir(pretrained))
    code, _, err = run_cli("pretrain", "--output", target, "--resume")
    assert code == 0
    assert "is complete: nothing to resume" in err
