"""Files of runs and exports that are damaged, or made to do harm: refused with a line, before they take memory."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.commands import Cli
from helpers.selection import selected
from helpers.small_models import CASES, small, untrained_run

import sentiment
from sentiment.architectures import Sizes
from sentiment.architectures.pretrainable import BUILDERS
from sentiment.artifacts import PretrainedFolder, RunFolder, load_classifier
from sentiment.benchmark.runs import read_runs
from sentiment.config import PretrainConfig
from sentiment.errors import UserError
from sentiment.inference import PortableClassifier
from sentiment.inference.engines import OnnxEngine
from sentiment.stored import check_checksums, checksums, parse_json, read_class_names, read_vocabulary
from sentiment.text import TextPreprocessor
from sentiment.text.plain_tokenizer import Characters

SHAPE = {"units": int, "rate?": float, "names": [str], "mode?": (str, bool), "by?": {str: {"a": int}}}


@pytest.mark.parametrize(("content", "message"), [
    (b"{", "it is not JSON: "),
    (b"\xff", "it is not JSON: "),
    (b"[" * 100_000, "more than 20 levels"),
    (b"[" * 30 + b"]" * 30, "more than 20 levels"),
    (b"9" * 5000, "it is not JSON: Exceeds the limit"),
    (b"null", "it must be an object, not None"),
    (b"[]", "it must be an object, not []"),
    (b'{"names": []}', "it has no 'units'"),
    (b'{"units": 1.0, "names": []}', "'units' must be an integer, not 1.0"),
    (b'{"units": true, "names": []}', "'units' must be an integer, not True"),
    (b'{"units": 1, "names": "ab"}', "'names' must be a list, not 'ab'"),
    (b'{"units": 1, "names": ["a", 2]}', "'names[1]' must be a string, not 2"),
    (b'{"units": 1, "names": [], "mode": 1}', "'mode' must be a string or true or false, not 1"),
    (b'{"units": 1, "names": [], "by": {"x": {"a": null}}}', "'by.x.a' must be an integer, not None"),
    (b'{"units": 1, "names": [], "rate": 1%s}' % (b"0" * 400), "'rate' must be a number, not 1000"),
])
def test_json_of_another_shape(content: bytes, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_json(content, SHAPE, "sizes.json")
    assert str(caught.value).startswith("sizes.json is damaged: ")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 200


def test_json_of_the_shape() -> None:
    values = parse_json(b'{"units": 3, "names": ["a"], "rate": 1, "other": [[]]}', SHAPE, "sizes.json")
    assert values == {"units": 3, "names": ["a"], "rate": 1, "other": [[]]}
    with pytest.raises(UserError, match=r"^sizes.json is damaged: it has no 'mode'$"):
        values["mode"]


def test_json_of_many_values_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentiment.stored.MOST_VALUES", 10)
    monkeypatch.setattr("sentiment.stored.json.loads", None)
    with pytest.raises(UserError, match="more than 10 values"):
        parse_json(b"[" + b"[]," * 10, [object], "labels.json")


def test_a_vocabulary_of_too_many_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "vocabulary.txt"
    path.write_text("a\nb\nc\n", encoding="utf-8")
    assert read_vocabulary(path) == ["a", "b", "c"]
    monkeypatch.setattr("sentiment.stored.LARGEST_VOCABULARY", 2)
    with pytest.raises(UserError, match="more than 2 words"):
        read_vocabulary(path)
    monkeypatch.setattr("sentiment.stored.LARGEST_FILE", 5)
    with pytest.raises(UserError, match="it has 6 bytes, expected at most 5"):
        read_vocabulary(path)


def test_class_names(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    for names, message in ((["a", "a"], "names a class twice"), (["a"], "names 1 classes, the model has 2")):
        path.write_text(json.dumps(names), encoding="utf-8")
        with pytest.raises(UserError, match=message):
            read_class_names(path, 2)


def test_checksums_read_no_file_but_their_own(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"1")
    stored = checksums((one, other))
    assert list(stored) == ["one"]
    check_checksums((one, other), stored, "again")
    for changed in ({}, {"one": 1}, {**stored, "../../secret": 1}, {**stored, "other": 1}):
        with pytest.raises(UserError, match="does not belong to the other files of its folder, or is not whole; again"):
            check_checksums((one, other), changed, "again")
    other.write_bytes(b"2")
    with pytest.raises(UserError, match="other is damaged"):
        check_checksums((one, other), stored, "again")


@pytest.fixture
def run(tiny_run: Path, tmp_path: Path) -> Path:
    """A copy of a run without checksums, as earlier versions wrote it."""
    copy = Path(shutil.copytree(tiny_run, tmp_path / "run"))
    (copy / "checksums.json").unlink()
    return copy


def changed_json(path: Path, change: Callable[[Any], None]) -> None:
    values = json.loads(path.read_text(encoding="utf-8"))
    change(values)
    path.write_text(json.dumps(values), encoding="utf-8")


@pytest.mark.parametrize("name", ["config.json", "vocabulary.txt", "labels.json", "sizes.json", "model.keras"])
def test_a_file_of_another_run_is_noticed(name: str, tiny_run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_run, tmp_path / "run"))
    assert sentiment.load(copy).predict(["a good film"])
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(UserError, match=f"{name} is damaged: it does not belong to the other files"):
        sentiment.load(copy)


def test_a_folder_is_opened_without_reading_its_model(tiny_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training opens what it starts from several times; checksums are compared when it is loaded."""
    def read(path: Path) -> int:
        raise UserError(f"{path} is read")

    monkeypatch.setattr("sentiment.stored._checksum", read)
    folder = RunFolder.open(tiny_run)
    for load in (folder.load_model, folder.load_start):
        with pytest.raises(UserError, match="is read"):
            load()


def test_a_run_without_checksums_is_loaded(run: Path) -> None:
    assert sentiment.load(run).class_names == ("neg", "pos")


@pytest.mark.parametrize(("name", "section", "key", "value", "message"), [
    ("config.json", "model", "units", 10 ** 9, "does not fit its config.json and sizes.json: the model has "),
    ("config.json", "model", "units", 10 ** 22, "must be at most 2147483647, not 10000000000000000000000"),
    ("config.json", "model", "embedding_size", 10 ** 8, "the model has "),
    ("config.json", "model", "output_dropout", 10 ** 400, "must be of type float"),
    ("config.json", "training", "learning_rate", float("inf"), "must be a finite number, not inf"),
    ("sizes.json", None, "vocabulary_size", 10 ** 10, "'vocabulary_size' must be from 2 to 4,000,002, not 10000000000"),
    ("sizes.json", None, "vocabulary_size", 4 * 10 ** 6, "the model has "),
    ("sizes.json", None, "classes", 10 ** 9, "the model has "),
    ("sizes.json", None, "classes", 0, "'classes' must be from 1 to "),
    ("sizes.json", None, "sentence_ends", [-1], "'sentence_ends' must be from 0 to 60, not -1"),
    ("sizes.json", None, "unknown", 1, "unknown sizes unknown"),
])
def test_sizes_that_the_weights_do_not_have(name: str, section: str | None, key: str, value: Any, message: str,
                                            run: Path) -> None:
    changed_json(run / name, lambda values: (values[section] if section else values).update({key: value}))
    with pytest.raises(UserError) as caught:
        sentiment.load(run)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_that_unpack_to_much_more(run: Path) -> None:
    with zipfile.ZipFile(run / "model.keras", "a", zipfile.ZIP_DEFLATED) as archive, \
            archive.open("zeros", "w", force_zip64=True) as member:
        for _ in range(40):
            member.write(bytes(1 << 20))
    with pytest.raises(UserError, match=r"model.keras is damaged .*: its [0-9,]+ bytes unpack to 42,"):
        load_classifier(run)


@pytest.mark.parametrize("case", selected(CASES, ["bilstm", "han", "nb-svm"]))
def test_every_model_can_be_counted_before_it_is_built(case: str, tmp_path: Path) -> None:
    name, options = CASES[case]
    folder = untrained_run(tmp_path / "run", name, 2, **options)
    assert RunFolder.open(folder.path).load_model().count_params()


def test_weights_that_are_no_numbers(run: Path) -> None:
    folder = RunFolder(run)
    model = folder.load_model()
    model.set_weights([np.full_like(weight, np.nan) if weight.ndim == 1 else weight for weight in model.get_weights()])
    model.save(folder.model)
    with pytest.raises(UserError, match=r"model.keras is damaged .* have values that are not finite"):
        load_classifier(run)


def test_answers_that_are_no_numbers(tiny_run: Path) -> None:
    classifier = load_classifier(tiny_run)
    classifier.model.get_layer("logits").bias.assign([np.nan])
    with pytest.raises(UserError, match="the logits of the model are not finite"):
        classifier.predict(["a good film"])


@pytest.mark.parametrize(("name", "content"), [
    ("texts.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '<u8', 'fortran_order': False, 'shape': (900000000000,), }".ljust(
        127) + b"\n"), ("texts.npy", b"x"), ("history.csv", b"loss\n1\n"), ("history.csv", b"epoch,loss\n1,2,3\n4\n"),
    ("history.csv", b"\xff"), ("metrics.json", b'{"test": {"accuracy": "high"}}'), ("metrics.json", b'{"test": []}')])
def test_other_files_of_a_run(name: str, content: bytes, run: Path) -> None:
    (run / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name} is damaged: "):
        RunFolder.open(run).load_texts() if name == "texts.npy" else sentiment.load(run)


def test_metrics_that_lack_what_is_shown(run: Path, run_cli: Cli) -> None:
    (run / "metrics.json").write_text("{}", encoding="utf-8")
    code, _, err = run_cli("info", run)
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith(f"error: {run / 'metrics.json'} is damaged: it has no ")


def test_a_pretrained_network(tmp_path: Path) -> None:
    folder, config = PretrainedFolder(tmp_path), PretrainConfig().updated({"model": small("lstm")})
    preprocessor = TextPreprocessor(config.text, ["good", "bad"])
    sizes = Sizes(preprocessor.vocabulary_size, 2)
    folder.config.write_text(config.to_json(), encoding="utf-8")
    folder.metrics.write_text("{}", encoding="utf-8")
    folder.save(preprocessor, sizes, BUILDERS["language-model"](config.model, sizes), np.zeros(1, np.uint64))
    assert PretrainedFolder.open(folder.path).load_network()
    changed_json(folder.sizes, lambda values: values.update(vocabulary_size=3 * 10 ** 6))
    for load in (PretrainedFolder.open(folder.path).load_network, PretrainedFolder.open(folder.path).load_start):
        with pytest.raises(UserError, match=r"sizes.json is damaged: it does not belong"):
            load()
    folder.checksums.unlink()
    with pytest.raises(UserError, match=r"weights.npz is damaged .*: the model has "):
        PretrainedFolder.open(folder.path).load_network()


@pytest.fixture
def export(exported_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported_run / "onnx", tmp_path / "onnx"))


@pytest.mark.parametrize(("change", "message"), [
    (lambda tokens: tokens.update(head=3), "tokens.json is damaged: it differs from the export"),
    (lambda tokens: tokens["characters"]["lower"].update(A="x" * 3_000_000), "tokens.json is damaged: it differs"),
    (lambda tokens: tokens.update(checksums={"/etc/passwd": 1}), "/etc/passwd is damaged: it does not belong"),
])
def test_tables_of_an_export_have_a_checksum(change: Callable[[Any], None], message: str, export: Path) -> None:
    changed_json(export / "tokens.json", change)
    with pytest.raises(UserError, match=message):
        PortableClassifier.load(export)


@pytest.mark.parametrize(("change", "message"), [
    (lambda characters: characters["lower"].update(A="x" * 3_000_000), "tables of characters contain longer texts"),
    (lambda characters: characters["variants"]["pairs"].update(A="x"), "tables of characters contain longer texts"),
    (lambda characters: characters["markup"].append(["(.*)", r"\1\1"]), "patterns are of another version"),
    (lambda characters: characters.update(signs="(a+)+$"), "patterns are of another version"),
    (lambda characters: characters["kept"].reverse(), "ranges of characters are not ascending"),
    (lambda characters: characters["kept"].append(1 << 40), "ranges of characters are not ascending"),
])
def test_tables_that_make_much_of_a_text(change: Callable[[Any], None], message: str, export: Path) -> None:
    characters = json.loads((export / "tokens.json").read_text(encoding="utf-8"))["characters"]
    assert Characters.from_json(characters).to_json()["signs"] == characters["signs"]
    change(characters)
    with pytest.raises(ValueError, match=message):
        Characters.from_json(characters)


def small_onnx(path: Path, outputs: int, location: str | None = None) -> None:
    """Write a model whose logits, or with `location` whose weights, are not those of this project."""
    import onnx

    weights = onnx.numpy_helper.from_array(np.ones((1, outputs), np.float32), "weights")
    if location is not None:
        (path.parent / location).write_bytes(weights.raw_data)
        onnx.external_data_helper.set_external_data(weights, location)
        weights.ClearField("raw_data")
    ids = onnx.helper.make_tensor_value_info("ids", onnx.TensorProto.INT32, [None, None])
    logits = onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, [None, outputs])
    nodes = [onnx.helper.make_node("Cast", ["ids"], ["cast"], to=onnx.TensorProto.FLOAT),
             onnx.helper.make_node("ReduceSum", ["cast", "axes"], ["sums"], keepdims=1),
             onnx.helper.make_node("MatMul", ["sums", "weights"], ["logits"])]
    axes = onnx.numpy_helper.from_array(np.array([1]), "axes")
    graph = onnx.helper.make_graph(nodes, "small", [ids], [logits], [weights, axes])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8)
    path.write_bytes(model.SerializeToString())


def test_an_onnx_file_that_reads_others_is_refused(tmp_path: Path) -> None:
    small_onnx(tmp_path / "model.onnx", 1)
    assert OnnxEngine(tmp_path / "model.onnx").logits(np.array([[1, 2]], np.int32)).tolist() == [[3.0]]
    small_onnx(tmp_path / "model.onnx", 1, location="secret.bin")
    with pytest.raises(UserError, match=r"model.onnx is refused: it reads values from other files"):
        OnnxEngine(tmp_path / "model.onnx")


def test_an_onnx_file_of_another_width(export: Path) -> None:
    small_onnx(export / "model.onnx", 3)
    changed_json(export / "tokens.json", lambda tokens: tokens.pop("checksums"))
    with pytest.raises(UserError, match=r"labels.json is damaged: it names 2 classes, the model has 3"):
        PortableClassifier.load(export)


@pytest.mark.parametrize("line", [b"{", b"[" * 50_000, b'{"row": "bilstm", "seed": 1}', b"[]"])
def test_results_of_the_benchmark(line: bytes, tmp_path: Path) -> None:
    path = tmp_path / "imdb.jsonl"
    path.write_bytes(line + b"\n")
    with pytest.raises(UserError, match=r"imdb.jsonl, line 1 is damaged: "):
        read_runs(path)


def test_numbers_that_no_tensor_has(run_cli: Cli, tmp_path: Path) -> None:
    for words, flag in ((["--seed", 10 ** 22], "--seed must be at most 4294967295"),
                        (["--units", 10 ** 22], "--units must be at most 2147483647"),
                        (["--learning-rate", "inf"], "--learning-rate must be a finite number")):
        code, out, err = run_cli("train", "--dataset", "sample", "--output-dir", tmp_path / "run", *words)
        assert (code, out, err.count("\n")) == (1, "", 1), err
        assert flag in err


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "> /dev/full", "| true"])
def test_streams_that_are_closed_or_full(closed: str, export: Path) -> None:
    for words in (["--help"], ["predict", str(export), "a good film 😀"]):
        line = f'"$@" {closed}'
        command = [sys.executable, "-m", "sentiment", *words]
        done = subprocess.run(["/bin/bash", "-o", "pipefail", "-c", line, "bash", *command], capture_output=True,
                              text=True, check=False, env={**os.environ, "PYTHONIOENCODING": "ascii"})
        assert done.returncode == (1 if "full" in closed and words[0] == "predict" else 0), done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr


def test_memory_that_is_not_there_is_a_line(run_cli: Cli, export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(PortableClassifier, "logits_and_known", fail)
    assert run_cli("predict", "--model", export, "a text") == (
        1, "", "error: not enough memory: use fewer or shorter texts, a smaller --batch-size or a smaller model\n")
