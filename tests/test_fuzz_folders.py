"""Mutations of every file of a run and of its exports: the same answer, or one line; see `test_mutations`."""

import json
import multiprocessing
import os
import random
import resource
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sentiment import export

MUTATIONS = int(os.environ.get("FUZZ_MUTATIONS", "3000"))
BATCH = 50  # mutations of a process
SECONDS = 300  # of a batch; a mutation takes some 0.2 s
MEMORY = 2 << 30  # bytes that a process may take beyond what it has when TensorFlow is loaded
TEXTS = ["a good film", "a bad film, number 7", "", "unseen words 😀"]
ODD: list[Any] = [None, True, -1, 0, 10 ** 10, 10 ** 400, 1e308, float("nan"), "", "x" * 100_000, [], {}, [[[]]],
                  "\ud800"]
OTHER_TEXTS = [b"", b"[" * 100_000, b"{}", b"[]", b"null", b"\xff\xfe", b"9" * 5000, b"\n" * 10_000]
FORMS = ("", "onnx", "litert")  # folders within the run; the first is the run itself
CHECKED = {"": ("config.json", "vocabulary.txt", "labels.json", "sizes.json", "model.keras", "checksums.json",
                "metrics.json", "history.csv"),
           "onnx": ("model.onnx", "vocabulary.txt", "labels.json", "tokens.json"),
           "litert": ("model.tflite", "vocabulary.txt", "labels.json", "tokens.json")}


@pytest.fixture(scope="module")
def folder(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with both exports."""
    from sentiment.artifacts import RunFolder

    copy = tmp_path_factory.mktemp("fuzz") / "run"
    shutil.copytree(tiny_run, copy)
    original = export.Original(RunFolder(copy))
    export.export_onnx(original)
    export.export_litert(original)
    shutil.rmtree(copy / "export")
    return copy


def places(values: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each object or list of JSON values, with each of its keys."""
    for key in list(values) if isinstance(values, dict) else range(len(values) if isinstance(values, list) else 0):
        yield values, key
        yield from places(values[key])


def mutated(content: bytes, others: list[bytes], draw: random.Random) -> tuple[str, bytes]:
    """Return the name of a mutation and the content that it makes."""
    kind = draw.choice(("flip", "truncate", "zeros", "swap", "other text", "repeat", "value", "value"))
    start = draw.randrange(len(content))
    if kind == "value":
        try:
            return kind, edited(json.loads(content), draw)
        except ValueError:
            kind = "flip"
    if kind == "flip":
        changed = bytearray(content)
        for _ in range(draw.choice((1, 1, 8))):
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
        return kind, bytes(changed)
    some = min(draw.choice((1, 64, 4096)), len(content) - start)
    return kind, {"truncate": content[:start], "zeros": content[:start] + bytes(some) + content[start + some:],
                  "swap": draw.choice(others), "other text": draw.choice(OTHER_TEXTS), "repeat": content * 2}[kind]


def edited(values: Any, draw: random.Random) -> bytes:
    """Return JSON with one value exchanged, doubled or removed."""
    parent, place = draw.choice(list(places(values)))
    change = draw.randrange(10)
    if change == 0:
        del parent[place]
    elif change < 7:
        parent[place] = draw.choice(ODD)
    else:
        parent[place] = parent[place] * 2 if isinstance(parent[place], str | list | int | float) else [parent[place]]
    return json.dumps(values).encode()


def without_checksums(folder: Path, form: str) -> None:
    """Make a folder that of an earlier version."""
    if not form:
        (folder / "checksums.json").unlink(missing_ok=True)
        return
    tokens = json.loads((folder / "tokens.json").read_text(encoding="utf-8"))
    tokens.pop("checksums", None)
    (folder / "tokens.json").write_text(json.dumps(tokens), encoding="utf-8")


def scores_of(model: Any) -> np.ndarray:
    """Return float64 [texts, classes]."""
    return np.array([list(one.scores.values()) for one in model.predict(TEXTS)])


def judged(path: Path, expected: np.ndarray, *, checked: bool) -> str:
    """Return what a folder does: the same answers, a line, or what is wrong with it."""
    import sentiment

    try:
        model = sentiment.load(path)
        scores, labels = scores_of(model), list(model.class_names)
    except sentiment.UserError as error:
        return "refused" if len(str(error).splitlines()) == 1 and len(str(error)) < 1000 else f"not a line: {error!r}"
    except BaseException as error:
        return f"{type(error).__name__}: {str(error)[:300]}"
    same = scores.shape == expected.shape and np.allclose(scores, expected, atol=1e-5) and labels == ["neg", "pos"]
    return "same" if same else "another answer" if checked else "unchecked"


def run_batch(folder: str, work: str, seeds: list[int], results: Connection) -> None:
    """Judge mutations, each made with a seed; send each seed and its file before, and its outcome after."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    import sentiment

    expected = {form: scores_of(sentiment.load(Path(folder) / form)) for form in FORMS}
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))
    for seed in seeds:
        draw = random.Random(seed)
        form = draw.choice(FORMS)
        copy = Path(work) / str(seed)
        shutil.copytree(Path(folder) / form, copy, ignore=shutil.ignore_patterns("plots", "onnx", "litert"))
        checked = draw.random() < 0.5
        if not checked:
            without_checksums(copy, form)
        names = [name for name in CHECKED[form] if (copy / name).is_file()]
        name = draw.choice(names)
        others = [(copy / other).read_bytes() for other in names if other != name]
        content = (copy / name).read_bytes()
        kind, changed = mutated(content, others, draw)
        (copy / name).write_bytes(changed)
        what = f"seed {seed}: {kind} in {form or 'run'}/{name}{'' if checked else ', no checksums'}"
        results.send((what, None))
        results.send((what, "same" if changed == content else judged(copy, expected[form], checked=checked)))
        shutil.rmtree(copy)
    results.close()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit of the address space is Linux's")
def test_mutations(folder: Path, tmp_path: Path) -> None:
    """Every file of a run and of its exports, damaged in every way: the same answers, or one line.

    `FUZZ_MUTATIONS` of them (3,000), in processes of fifty that may take 2 GB and 300 s. In a half of them the folder
    has no checksums, as those of earlier versions: then a changed weight or word is not noticed, and changes answers.
    """
    outcomes: Counter[str] = Counter()
    wrong = []
    context = multiprocessing.get_context("spawn")
    for start in range(0, MUTATIONS, BATCH):
        todo = list(range(start, min(start + BATCH, MUTATIONS)))
        while todo:
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=run_batch, args=(str(folder), str(tmp_path), todo, sender))
            process.start()
            sender.close()
            what, outcome, done = "nothing", "", 0
            try:
                while receiver.poll(SECONDS):
                    what, outcome = receiver.recv()
                    if outcome is not None:
                        done += 1
                        outcomes[outcome.split(":")[0]] += 1
                        wrong += [f"{what}: {outcome}"] if outcome not in ("same", "refused", "unchecked") else []
                else:
                    process.kill()
            except EOFError:
                pass
            process.join()
            todo = todo[done:]
            if todo:  # it died, or hung, on the next one
                wrong.append(f"{what}: exit code {process.exitcode}")
                outcomes["died"] += 1
                todo = todo[1:]
    print(dict(outcomes))
    assert not wrong, "\n".join(wrong)
    assert outcomes["refused"] > MUTATIONS / 4
